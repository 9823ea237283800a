"""A database that has lost the last commits of one account, as after a failover."""

from databases import sql


def head(data, user):
    """The account's state, to go back to with `lose_days_since`."""
    return sql(data, f"SELECT change_number, encode(digest, 'hex'), encode(sources, 'hex'), habit_count FROM heads WHERE user_id = '{user}'")


def lose_days_since(data, user, kept, habit):
    """Goes back to a state without days, from before `habit` was made, and raises the epoch."""
    change, digest, sources, habits = kept.split("|")
    sql(data, f"""BEGIN;
        DELETE FROM cells WHERE user_id = '{user}'; DELETE FROM cell_history WHERE user_id = '{user}';
        DELETE FROM habits WHERE user_id = '{user}' AND habit_id = '{habit.hex()}';
        UPDATE habits SET total_days = 0, longest_run = 0, last_run_first_day = 0, last_run_last_day = 0 WHERE user_id = '{user}';
        DELETE FROM operations WHERE user_id = '{user}' AND change_number > {change};
        UPDATE heads SET change_number = {change}, digest = '\\x{digest}', sources = '\\x{sources}', habit_count = {habits}
          WHERE user_id = '{user}';
        UPDATE service_state SET epoch = epoch + 1; COMMIT""")


def lose_all_since(data, user, kept):
    """Goes back to a state without habits, from before a document was imported, and raises the epoch."""
    change, digest, sources, habits = kept.split("|")
    tables = ("cells", "cell_history", "habits", "notices", "imports", "claimed_documents")
    sql(data, "BEGIN; " + "".join(f"DELETE FROM {table} WHERE user_id = '{user}'; " for table in tables) + f"""
        DELETE FROM operations WHERE user_id = '{user}' AND change_number > {change};
        UPDATE heads SET change_number = {change}, digest = '\\x{digest}', sources = '\\x{sources}', habit_count = {habits}
          WHERE user_id = '{user}';
        UPDATE service_state SET epoch = epoch + 1; COMMIT""")
