"""Records values with the HdrHistogram package, and decodes streak-load's output."""

import json
import sys

from hdrh.histogram import HdrHistogram

case = json.load(open(sys.argv[1]))
recorded = HdrHistogram(1, 3_600_000_000_000, 3)
for value in case["values"]:
    recorded.record_value(value)
decoded = HdrHistogram.decode(case["encoded"])
print(json.dumps({
    "recorded": [recorded.get_value_at_percentile(percentile) for percentile in case["percentiles"]],
    "decoded": [decoded.get_value_at_percentile(percentile) for percentile in case["percentiles"]],
    "count": decoded.get_total_count()}))
