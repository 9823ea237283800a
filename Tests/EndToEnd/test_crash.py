"""kill -9 in the middle of writes: acknowledged data is there afterwards."""

import os
import signal
import threading

import grpc
import pytest
from person import Person, today
from server import Server, wait_until

COMPLETIONS = 1000
WRITERS = 8
KILL_AFTER = 400


@pytest.mark.parametrize("victim", ["streakd", "postgres", "both"])
def test_no_acknowledged_completion_is_lost(folder, victim):
    """Each writer records habits of its own today, each habit once, until 1,000 are acknowledged in
    all; one kill happens in between."""
    running = Server(folder=folder)
    lock, acknowledged, killed = threading.Lock(), [], threading.Event()
    restarted, over = threading.Event(), threading.Event()
    people = []
    try:
        with Person(running) as first:
            first.sign_up()
        for _ in range(WRITERS):
            with Person(running) as person:
                person.sign_up()
                habits = [person.put_habit(f"habit {number}") for number in range(COMPLETIONS // WRITERS)]
                people.append((person, habits))

        def write(person, habits):
            client = connect(running, person)
            for habit in habits:
                while not over.is_set():  # after a failed test the writers must not go on for ever
                    try:
                        client.record(habit)
                        break
                    except grpc.RpcError as error:
                        if error.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL,
                                            grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.NOT_FOUND):
                            raise
                        restarted.wait(120)
                        client.close()
                        client = connect(running, person)
                else:
                    return
                with lock:
                    acknowledged.append((person.email, habit))
                    if len(acknowledged) >= KILL_AFTER:
                        killed.set()
            client.close()

        failures = []

        def guarded(*arguments):
            try:
                write(*arguments)
            except BaseException as error:  # noqa: BLE001  (shown by the test's own thread)
                failures.append(error)

        threads = [threading.Thread(target=guarded, args=pair) for pair in people]
        for thread in threads:
            thread.start()
        assert killed.wait(120), failures
        if victim != "streakd":
            os.kill(running.postgres_pid(), signal.SIGKILL)
        if victim != "postgres":
            running.kill()
            running = Server(folder=folder)
        restarted.set()
        for thread in threads:
            thread.join(180)
            assert not thread.is_alive()
        assert not failures
        assert len(acknowledged) == COMPLETIONS

        # Once more from the disk alone.
        running.kill()
        running = Server(folder=folder)
        for person, habits in people:
            with connect(running, person) as client:
                cells = client.history(page_size=1000)
                assert {(cell.habit_id, cell.day) for cell in cells} == {(habit, today()) for habit in habits}
    finally:
        over.set()
        restarted.set()
        if running.process.poll() is None:
            running.stop()


def connect(running, person):
    client = Person(running, email=person.email)
    client.device = person.device
    client.use(person.tokens)
    return client


def test_a_streakd_killed_at_once_starts_again_on_its_folder(folder):
    running = Server(folder=folder)
    with Person(running) as person:
        person.sign_up()
    running.kill()
    with Server(folder=folder) as again, Person(again, email=person.email) as same:
        assert same.sign_in().account.email == person.email


def test_postgres_killed_at_once_comes_back_by_itself(folder):
    with Server(folder=folder) as running, Person(running) as person:
        person.sign_up()
        habit = person.put_habit()
        person.record(habit)
        killed = running.postgres_pid()
        os.kill(killed, signal.SIGKILL)

        def answered():
            """Answered by the new server: sessions of the killed one may last a moment longer."""
            try:
                return person.streak(habit).current == 1 and running.postgres_pid() != killed
            except (FileNotFoundError, ValueError):
                return False
            except grpc.RpcError as error:
                assert error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN), error
                return False

        wait_until(answered, seconds=60)


def test_a_second_streakd_on_the_same_folder_is_refused(folder):
    with Server(folder=folder) as running:
        with pytest.raises(RuntimeError, match="in use by another streakd"):
            Server(folder=folder)
        with Person(running) as person:
            person.sign_up()
