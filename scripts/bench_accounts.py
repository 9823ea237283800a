"""The account measurements of scripts/bench: a sign-up beside its password hash, and large and
small migrations."""

import os
import pathlib

import conftest  # noqa: F401  (generates the stubs)
from person import Person, captured_session, local_time, today
from streak.v1 import common_pb2, migration_pb2

SIGN_UPS = 200
MIGRATIONS = [(1, 30, 100), (20, 400, 10)]  # habits, days of each, how many


def processor_seconds(task):
    """CPU seconds of one thread, by the scheduler's nanoseconds."""
    return int((pathlib.Path(task) / "schedstat").read_text().split()[0]) / 1e9


def threads(pid):
    return {task.name: processor_seconds(task) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()}


def pool_threads(pid):
    """The threads that hash: they wait for work in futex(2), the loops in epoll_wait(2)."""
    futex = {"x86_64": "202", "aarch64": "98"}[os.uname().machine]
    return {task.name for task in pathlib.Path(f"/proc/{pid}/task").iterdir() if (task / "syscall").read_text().split()[0] == futex}


def postgres_seconds(server):
    """CPU seconds of the private PostgreSQL, including its connections; each of its processes is
    one thread."""
    main = server.postgres_pid()
    children = pathlib.Path(f"/proc/{main}/task/{main}/children").read_text().split()
    return sum(processor_seconds(f"/proc/{pid}") for pid in (main, *children))


def claim(habit_count, day_count):
    """The claim of a session that began offline and is done every day up to today."""
    habits = [migration_pb2.CapturedHabit(habit=common_pb2.Habit(id=os.urandom(16), name=f"Habit {number}")) for number in range(habit_count)]
    entries = [migration_pb2.CapturedEntry(habit_id=captured.habit.id, day=today() - ago, done=True, client_time=local_time(today() - ago))
               for captured in habits for ago in reversed(range(day_count))]
    return migration_pb2.SessionClaim(session_id=os.urandom(16), session_secret=os.urandom(32), migration_id=os.urandom(16),
                                      unanchored=True, captured=captured_session(habits, entries))


def sign_up_cost(server):
    """CPU ms of a sign-up with 30 days of 5 habits: of the password hash, of the rest of streakd,
    and of PostgreSQL."""
    with Person(server) as person:
        person.sign_up(claim(5, 30))
        pool = pool_threads(server.process.pid)
        spent = [0.0, 0.0, 0.0]
        for _ in range(SIGN_UPS):
            person.email = f"{os.urandom(8).hex()}@example.com"
            request = person.sign_up_request(claim(5, 30))
            threads_before, postgres_before = threads(server.process.pid), postgres_seconds(server)
            answer = person.accounts.SignUp(request, timeout=60)
            threads_after, postgres_after = threads(server.process.pid), postgres_seconds(server)
            assert sum(habit.days_counted for habit in answer.migration.habits) == 150
            for name, seconds in threads_after.items():
                spent[0 if name in pool else 1] += seconds - threads_before.get(name, 0)
            spent[2] += postgres_after - postgres_before
    return [seconds / SIGN_UPS * 1000 for seconds in spent]


def migration_cost(server):
    """CPU us of streakd and PostgreSQL per day that a migration writes, by habits and days."""
    found = {}
    for habit_count, day_count, count in MIGRATIONS:
        spent = 0.0
        with Person(server) as person:
            for _ in range(count):
                person.email = f"{os.urandom(8).hex()}@example.com"
                person.sign_up()
                request = migration_pb2.MigrateRequest(session=claim(habit_count, day_count))
                before = sum(threads(server.process.pid).values()) + postgres_seconds(server)
                person.migrations.Migrate(request, metadata=person.metadata, timeout=60)
                spent += sum(threads(server.process.pid).values()) + postgres_seconds(server) - before
        found[habit_count, day_count] = spent / count / (habit_count * day_count) * 1e6
    return found


def measure(server):
    return sign_up_cost(server), migration_cost(server)


def report(sign_up, migrations):
    hashing, rest, postgres = sign_up
    print("\nCPU ms of a sign-up with 30 days of 5 habits: "
          f"password hash {hashing:.2f}, all the rest {rest + postgres:.2f} (streakd {rest:.2f}, PostgreSQL {postgres:.2f}), "
          f"ratio {(rest + postgres) / hashing:.3f}.")
    print("CPU us per written day of a migration: " +
          ", ".join(f"{days} days of {habits} habit{'s' * (habits > 1)} {cost:.1f}" for (habits, days), cost in migrations.items()) + ".")


if __name__ == "__main__":
    # Run by itself, with the folder of a built streakd in STREAKD_PROGRAMS.
    from server import Server, open_folder
    with open_folder() as folder, Server(folder=folder, arguments=["--rate-limit-factor", "0", "--changes-per-day-max", "0", "--password-memory-mib", "64"]) as running:
        report(*measure(running))
