"""What the page's first visit costs (issue 24): at most 40 kB, measured in a browser and by the files."""

from browsers import browser
from first_load import expected, loaded, packed_bytes

# All that a first anonymous visit loads by itself, as compressed bodies without icons.
FIRST_LOAD_BYTES_MAX = 40_000


def test_a_first_visit_loads_at_most_40_kB_by_itself(server, folder):
    with browser(server.address, folder / "first") as first:
        first.open()
        first.find("add-habit")
        found = loaded(first)
        sizes = packed_bytes(server, found)
        assert sum(sizes.values()) <= FIRST_LOAD_BYTES_MAX, sizes
        # The files say the same: nothing is loaded behind their back, by whatever way.
        assert found == expected()
        # What comes later is there without a network.
        first.set_offline(True)
        first.add_habit("Read")
        first.tap("Read")
        assert first.text("keep")
        first.go("account")
        first.find("sign-up")
        first.reload()
        first.find("sign-up")
        first.set_offline(False)
