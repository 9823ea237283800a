"""Queries through libpq itself: starting psql, which Debian starts by a Perl program, costs a hundred
times as much as a query."""

import contextlib
import ctypes

_libpq = ctypes.CDLL("libpq.so.5")
for _name, _result, *_arguments in (
        ("PQconnectdb", ctypes.c_void_p, ctypes.c_char_p), ("PQstatus", ctypes.c_int, ctypes.c_void_p),
        ("PQerrorMessage", ctypes.c_char_p, ctypes.c_void_p), ("PQfinish", None, ctypes.c_void_p),
        ("PQsendQuery", ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p), ("PQgetResult", ctypes.c_void_p, ctypes.c_void_p),
        ("PQresultStatus", ctypes.c_int, ctypes.c_void_p), ("PQclear", None, ctypes.c_void_p),
        ("PQntuples", ctypes.c_int, ctypes.c_void_p), ("PQnfields", ctypes.c_int, ctypes.c_void_p),
        ("PQgetvalue", ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int)):
    _function = getattr(_libpq, _name)
    _function.restype, _function.argtypes = _result, _arguments
_CONNECTION_OK = 0
_EMPTY_QUERY, _COMMAND_OK, _TUPLES_OK = range(3)


class QueryError(Exception):
    """The server's or libpq's message."""


def query(where, statements):
    """Runs SQL statements, separated by semicolons, in one transaction unless they say otherwise. All
    rows of all results, NULL as an empty text. Raises QueryError."""
    with contextlib.ExitStack() as open_parts:
        connection = _libpq.PQconnectdb(where.encode())
        open_parts.callback(_libpq.PQfinish, connection)
        if _libpq.PQstatus(connection) != _CONNECTION_OK or not _libpq.PQsendQuery(connection, statements.encode()):
            raise QueryError(_libpq.PQerrorMessage(connection).decode())
        rows, failure = [], None
        while result := _libpq.PQgetResult(connection):
            open_parts.callback(_libpq.PQclear, result)
            status = _libpq.PQresultStatus(result)
            if status == _TUPLES_OK:
                columns = range(_libpq.PQnfields(result))
                rows += [[_libpq.PQgetvalue(result, row, column).decode() for column in columns] for row in range(_libpq.PQntuples(result))]
            elif status not in (_EMPTY_QUERY, _COMMAND_OK):
                # COPY has no end here, and a lost connection gives no more results.
                failure = _libpq.PQerrorMessage(connection).decode() or f"result of status {status}"
                break
        if failure:
            raise QueryError(failure)
        return rows
