"""A database that has lost the last commits of one account, as after a failover."""

import struct

from databases import sql


def head(data, user):
    """The account's state, to go back to with `lose_days_since`."""
    return sql(data, f"SELECT change_number, encode(digest, 'hex'), encode(sources, 'hex'), habit_count FROM heads WHERE user_id = '{user}'")


def caught_up_before(data, user, days):
    """Moves the time at which each of the account's devices was caught up back by so many days: the
    third field of a source, of 8 bytes (StreakDomain's `Sources.encoded`).
    For a server that restarts then."""
    sources = bytearray.fromhex(head(data, user).split("|")[2])
    for place in range(24, len(sources), 44):
        moved, = struct.unpack_from(">q", sources, place)
        struct.pack_into(">q", sources, place, moved - days * 86_400_000)
    sql(data, f"UPDATE heads SET sources = '\\x{sources.hex()}' WHERE user_id = '{user}'")


def lose_days_since(data, user, kept, habit, raises_epoch=True):
    """Goes back to a state without days, from before `habit` was made, and raises the epoch. Without,
    as a cold copy of the database has the same one."""
    change, digest, sources, habits = kept.split("|")
    sql(data, f"""BEGIN;
        DELETE FROM cells WHERE user_id = '{user}'; DELETE FROM cell_history WHERE user_id = '{user}';
        DELETE FROM habits WHERE user_id = '{user}' AND habit_id = '{habit.hex()}';
        UPDATE habits SET total_days = 0, longest_run = 0, last_run_first_day = 0, last_run_last_day = 0 WHERE user_id = '{user}';
        DELETE FROM operations WHERE user_id = '{user}' AND change_number > {change};
        UPDATE heads SET change_number = {change}, digest = '\\x{digest}', sources = '\\x{sources}', habit_count = {habits}
          WHERE user_id = '{user}';
        UPDATE service_state SET epoch = epoch + {int(raises_epoch)}; COMMIT""")


def lose_everything(data, user, raises_epoch):
    """Goes back to the account before its first operation."""
    sources = bytearray.fromhex(head(data, user).split("|")[2])
    for place in range(16, len(sources), 44):
        struct.pack_into(">q", sources, place, 0)
    tables = "".join(f"DELETE FROM {table} WHERE user_id = '{user}';" for table in (
        "cells", "cell_history", "habits", "operations", "notices"))
    sql(data, f"""BEGIN; {tables}
        UPDATE heads SET change_number = 0, digest = '\\x{"00" * 16}', sources = '\\x{sources.hex()}', habit_count = 0
          WHERE user_id = '{user}';
        UPDATE service_state SET epoch = epoch + {int(raises_epoch)}; COMMIT""")


def lose_all_since(data, user, kept):
    """Goes back to a state without habits, from before a document was imported, and raises the epoch."""
    change, digest, sources, habits = kept.split("|")
    tables = ("cells", "cell_history", "habits", "notices", "imports", "claimed_documents")
    sql(data, "BEGIN; " + "".join(f"DELETE FROM {table} WHERE user_id = '{user}'; " for table in tables) + f"""
        DELETE FROM operations WHERE user_id = '{user}' AND change_number > {change};
        UPDATE heads SET change_number = {change}, digest = '\\x{digest}', sources = '\\x{sources}', habit_count = {habits}
          WHERE user_id = '{user}';
        UPDATE service_state SET epoch = epoch + 1; COMMIT""")
