"""An operator's tools: streakctl, keys, and queries of databases."""

import pathlib
import re
import subprocess

from databases import sql
from server import PROGRAMS

STREAKCTL = str(PROGRAMS / "streakctl")


def streakctl(*arguments, check=True, timeout=120, **options):
    """Runs it to its end; with `check` it must succeed, and its output is returned."""
    done = subprocess.run([STREAKCTL, *map(str, arguments)], capture_output=True, text=True, timeout=timeout,
                          stdin=subprocess.DEVNULL, **options)
    if not check:
        return done
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Keys:
    """A pair of keys made by age-keygen."""

    def __init__(self, folder):
        self.identity = pathlib.Path(folder) / "key"
        done = subprocess.run(["age-keygen", "-o", str(self.identity)], capture_output=True, text=True, check=True)
        self.recipient = re.search(r"age1\S+", done.stderr)[0]


PERSONAL = ("users", "heads", "emails", "devices", "sessions", "habits", "cells", "cell_history", "rejected_entries", "migrations")


def fingerprints(data_folder):
    """Every table's rows, as text: computed independently of the program."""
    return {table: sql(data_folder, f"SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t") for table in PERSONAL}


def fill(data_folder, people, days):
    """Inserts rows like those of real use, but faster."""
    sql(data_folder, f"""
        INSERT INTO users (user_id, email, sealed_password, created_at, sealed_sign_up)
        SELECT md5('u'||g)::uuid, 'p'||g||'@example.org', '\\x09', now(), '\\x09' FROM generate_series(1,{people}) g;
        INSERT INTO heads (user_id, change_number, habit_count, first_day)
        SELECT md5('u'||g)::uuid, 1, 1, 20000 FROM generate_series(1,{people}) g;
        INSERT INTO emails SELECT 'p'||g||'@example.org', md5('u'||g)::uuid FROM generate_series(1,{people}) g;
        INSERT INTO habits (user_id, habit_id, name, description, color, position, archived, version, created_at, total_days,
          longest_run, last_run_first_day, last_run_last_day)
        SELECT md5('u'||g)::uuid, md5('h'||g)::uuid, 'Read', '', 0, 0, false, 1, now(), {days}, {days},
          20000, 20000 + {days} - 1 FROM generate_series(1,{people}) g;
        INSERT INTO cells (user_id, habit_id, day, done, note, quarantine_reason, version, occurred_at, zone, utc_offset_seconds,
          day_start_minutes, recorded_at, source_id, seq, changed_time, first_version)
        SELECT md5('u'||g)::uuid, md5('h'||g)::uuid, 20000 + d, true,
          CASE WHEN d % 10 = 0 THEN E'note\\twith "tab" \\\\ and\\nline '||d ELSE md5(g||'-'||d) END, 0, 1, now(), 'Europe/Berlin', 3600, 0,
          now(), md5('d'||g)::uuid, 1, 0, 1 FROM generate_series(1,{people}) g, generate_series(0, {days} - 1) d;
    """)
