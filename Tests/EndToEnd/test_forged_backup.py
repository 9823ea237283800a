"""A backup is encrypted to a public key, so any program that may write to the backup folder can
make one: its content is not trusted before its signature is checked."""

import base64
import hashlib
import json
import os
import shlex
import shutil
import subprocess

import pytest
from databases import sql
from operator_tools import Keys, fill, streakctl
from server import Server, open_folder

TRAILER = b"-- PostgreSQL database dump complete\n"


class Place:
    """A running server with a backup of it, and the backup's dump as text."""

    def __init__(self, folder, server):
        self.folder, self.server = folder, server
        self.data, self.backups, self.keys = folder / "data", folder / "backups", Keys(folder)
        fill(self.data, 3, 5)
        self.name = streakctl("backup", "run", "--folder", self.backups, "--data-folder", self.data, "--recipient", self.keys.recipient).strip()
        file = self.backups / self.name / "dump.sql.zst.age"
        self.dump = subprocess.run(f"age -d -i {self.keys.identity} {file} | zstd -q -d -c", shell=True, capture_output=True, check=True).stdout

    def forge(self, folder, dump, name=None):
        """A copy of the backup folder with another dump, and with a matching manifest."""
        backups = shutil.copytree(self.backups, folder / "forged")
        file, manifest = backups / self.name / "dump.sql.zst.age", backups / self.name / "manifest.json"
        file.write_bytes(subprocess.run(f"zstd -q -c | age -r {self.keys.recipient}", shell=True, input=dump, capture_output=True, check=True).stdout)
        described = json.loads(manifest.read_text())
        described.update(sha256=base64.b64encode(hashlib.sha256(file.read_bytes()).digest()).decode(), fileBytes=str(file.stat().st_size))
        manifest.write_text(json.dumps(described))
        return backups

    def restore(self, backups, folder, *arguments, **options):
        return streakctl("backup", "restore", "--folder", backups, "--identity", self.keys.identity, "--into", folder / "restored", self.name,
                         *arguments, check=False, timeout=60, **options)

    def verify(self, backups, *arguments, **options):
        return streakctl("backup", "verify", "--folder", backups, "--identity", self.keys.identity, self.name, *arguments, check=False,
                         timeout=60, **options)

    def both(self, backups, folder, *arguments, **options):
        return [self.restore(backups, folder, *arguments, **options), self.verify(backups, *arguments, **options)]


@pytest.fixture(scope="module")
def place():
    with open_folder() as folder, Server(folder=folder) as server:
        yield Place(folder, server)


def commands(proof):
    """Ways to run a command: by psql, and by PostgreSQL for a superuser. The proof is a file that
    any user may write."""
    return {
        "a psql command": f"\\! touch {proof}\n",
        "a psql command after a statement": f"SELECT 1; \\! touch {proof}\n",
        "a psql command in what looks like rows": f"SELECT '\nCOPY public.x (y) FROM stdin;\n'; \\! touch {proof}\n\\.\n",
        "psql's copy to a program": f"\\copy public.users TO PROGRAM 'touch {proof}'\n",
        "the end of a restriction": f"\\unrestrict x\n\\! touch {proof}\n",
        "COPY to a program": f"COPY (SELECT 1) TO PROGRAM 'touch {proof}';\n",
        "COPY as another role": f"RESET SESSION AUTHORIZATION; RESET ROLE; COPY (SELECT 1) TO PROGRAM 'touch {proof}';\n",
    }


@pytest.mark.parametrize("kind", commands("x"))
@pytest.mark.parametrize("signed", ["refused for its signature", "allowed without one"])
def test_a_forged_backup_is_refused_and_runs_nothing(place, folder, kind, signed):
    """C122"""
    open_to_all = folder / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    proof = open_to_all / "proof"
    at_start = place.dump.index(b"SET statement_timeout")
    backups = place.forge(folder, place.dump[:at_start] + commands(proof)[kind].encode() + place.dump[at_start:])
    arguments = ["--allow-unsigned"] if signed == "allowed without one" else []
    for done in place.both(backups, folder, *arguments):
        assert done.returncode == 1, done
        if not arguments:
            assert "signature" in done.stdout + done.stderr, done
    assert not proof.exists() and not (folder / "restored").exists()
    assert os.listdir(open_to_all) == []


# What a dump can leave behind that runs later, with the rights of the tables' owner or of another.
LEFT_BEHIND = {
    "a function": "CREATE FUNCTION public.f() RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1; END';",
    "a function in an index":
        "CREATE FUNCTION public.f(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1; END';\n"
        "CREATE INDEX i ON public.cells (public.f(note));",
    "an index of PostgreSQL's own functions": "CREATE INDEX i ON public.cells (upper(note));",
    "another body of a function":
        "CREATE OR REPLACE FUNCTION public.forget_unauthenticated_events(older_than timestamptz, rows_max integer) RETURNS bigint"
        " LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN 0; END';",
    "another owner's rights for a function":
        "ALTER FUNCTION public.count_call(bytea[], integer[], integer[], integer[], boolean) SECURITY DEFINER;",
    "another search path of a function": "ALTER FUNCTION public.erase_audit_trail(uuid) RESET ALL;",
    "a trigger":
        "CREATE FUNCTION public.t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';\n"
        "CREATE TRIGGER t AFTER INSERT ON public.users FOR EACH ROW EXECUTE FUNCTION public.t();",
    "a rule": "CREATE RULE r AS ON UPDATE TO public.users DO ALSO SELECT 1;",
    "a policy": "ALTER TABLE public.users ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON public.users USING (true);",
    "a default": "ALTER TABLE public.server_key ALTER sealed SET DEFAULT pg_read_binary_file('/etc/passwd');",
    "a check": "ALTER TABLE public.schema_versions ADD CONSTRAINT c CHECK (lo_create(0) > 0) NOT VALID;",
    "a view": "CREATE VIEW public.v AS SELECT 1;",
    "a domain": "CREATE DOMAIN public.d AS integer;",
    "an operator": "CREATE OPERATOR public.### (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq);",
    "statistics": "CREATE STATISTICS public.s ON upper(note), day FROM public.cells;",
    "a schema": "CREATE SCHEMA other;",
    "default rights": "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC;",
    "a large object": "SELECT lo_create(0);",
    "a missing index": "DROP INDEX public.cells_by_first_version;",
    "a missing check": "ALTER TABLE public.service_state DROP CONSTRAINT service_state_is_only_row_check;",
    "another type of a column": "ALTER TABLE public.habits ALTER position TYPE bigint;",
    "rights on a table": "GRANT ALL ON public.users TO PUBLIC;",
    "rights on a column": "GRANT SELECT (sealed) ON public.server_key TO PUBLIC;",
    "rights on a function": "GRANT EXECUTE ON FUNCTION public.erase_audit_trail(uuid) TO pg_monitor;",
    "fewer rights on a function": "REVOKE EXECUTE ON FUNCTION public.erase_audit_trail(uuid) FROM PUBLIC;",
    "rights on a schema": "GRANT CREATE ON SCHEMA erasure TO PUBLIC;",
    "a comment": "COMMENT ON TABLE public.users IS 'run this';",
}


@pytest.mark.parametrize("kind", LEFT_BEHIND)
def test_what_a_dump_without_a_signature_leaves_behind_is_compared_with_streakds_schema(place, folder, kind):
    at_end = place.dump.index(TRAILER)
    backups = place.forge(folder, place.dump[:at_end] + LEFT_BEHIND[kind].encode() + b"\n" + place.dump[at_end:])
    done = place.restore(backups, folder, "--allow-unsigned")
    assert done.returncode == 1 and ("is not streakd's" in done.stderr or "is missing" in done.stderr), done
    assert not (folder / "restored").exists()


@pytest.mark.parametrize("statement", ["", "ALTER TABLE public.users OWNER TO pg_database_owner;",
                                       "GRANT CONNECT ON DATABASE {name} TO pg_monitor;"])
def test_a_dump_that_a_given_role_runs_gives_no_other_role_rights(place, folder, database, statement):
    """The role owns the database, so that the dump can do more than as a role made for it."""
    settings = dict(word.split("=", 1) for word in shlex.split(database))
    name, role = settings["dbname"], f"owner_{settings['dbname']}"
    sql(database, f"CREATE ROLE {role} LOGIN CREATEDB")
    try:
        sql(database, f"ALTER DATABASE {name} OWNER TO {role}")
        at_end = place.dump.index(TRAILER)
        backups = place.forge(folder, place.dump[:at_end] + statement.format(name=name).encode() + b"\n" + place.dump[at_end:])
        address = " ".join(f"{key}='{value}'" for key, value in {**settings, "user": role}.items())
        done = streakctl("backup", "restore", "--folder", backups, "--identity", place.keys.identity, "--database", address, place.name,
                         "--allow-unsigned", "--without-ledger", check=False)
        assert (done.returncode == 1 and "is not streakd's" in done.stderr) if statement else done.returncode == 0, done
    finally:
        sql(database, f"ALTER DATABASE {name} OWNER TO CURRENT_USER")
        sql(database, f"DROP OWNED BY {role} CASCADE")
        sql(database, f"DROP ROLE {role}")


def test_a_whole_backup_without_a_signature_is_restored_and_served(place, folder):
    backups = shutil.copytree(place.backups, folder / "copy")
    (backups / place.name / "manifest.sig").unlink()
    home = folder / "home"
    home.mkdir()
    done = streakctl("backup", "restore", "--folder", backups, "--identity", place.keys.identity, "--into", home / "data", place.name,
                     "--allow-unsigned", "--without-ledger")
    assert "restored" in done
    with Server(folder=home) as server:
        # Statistics were collected before the tables had their owner, and no database is left over.
        assert sql(server, "SELECT count(*) > 0 FROM pg_stats WHERE tablename = 'users'") == "t"
        assert sql(server, "SELECT count(*) FROM pg_database WHERE datname LIKE 'streakd%'") == "0"
        assert sql(server, "SELECT count(*) FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE rolname LIKE 'streakd_restoring%'") == "0"


def logging_psql(folder):
    """PostgreSQL's programs with a psql that writes down its user and its role."""
    environment = old_programs(folder)
    (folder / "programs" / "log").touch()
    (folder / "programs" / "log").chmod(0o666)
    psql = folder / "programs" / "psql"
    real = psql.read_text().rsplit("exec ", 1)[1].split(" ")[0]
    psql.write_text(f'#!/bin/sh\necho "$(id -u) $PGUSER" >> {folder}/programs/log\nexec {real} "$@"\n')
    return environment


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another user")
def test_a_dump_for_a_given_database_is_read_by_a_user_without_rights(place, folder, database):
    backups = shutil.copytree(place.backups, folder / "copy")
    (backups / place.name / "manifest.sig").unlink()
    done = streakctl("backup", "restore", "--folder", backups, "--identity", place.keys.identity, "--database", database, place.name,
                     "--allow-unsigned", "--without-ledger", env=logging_psql(folder), check=False)
    assert done.returncode == 0, done
    users = {line.split(" ")[0] for line in (folder / "programs/log").read_text().splitlines() if " streakd_restoring_" in line}
    assert users and "0" not in users


def test_a_backup_whose_signature_is_missing_or_of_another_key_is_refused_unless_the_operator_says_so(place, folder):
    backups = shutil.copytree(place.backups, folder / "copy")
    (backups / place.name / "manifest.sig").unlink()
    for done in place.both(backups, folder):
        assert done.returncode == 1 and "signature" in done.stdout + done.stderr, done
    assert place.verify(backups, "--allow-unsigned").returncode == 0
    other = {**os.environ, "STREAKD_BACKUP_SIGNING_KEY": str(folder / "other-key")}
    streakctl("backup", "run", "--folder", folder / "others", "--data-folder", place.data, "--recipient", place.keys.recipient, env=other)
    for done in place.both(place.backups, folder, env=other):
        assert done.returncode == 1 and "signature" in done.stdout + done.stderr, done


def test_the_public_part_of_the_signing_key_is_what_another_machine_needs(place, folder):
    """By an option, by a file, or as a comment beside the private key; the secret key never leaves
    the server."""
    elsewhere = {**os.environ, "STREAKD_BACKUP_SIGNING_KEY": str(folder / "none")}
    signer = streakctl("backup", "signer").strip()
    assert signer.startswith("streakd-signer-") and len(signer) == len("streakd-signer-") + 64
    refused = place.verify(place.backups, env=elsewhere)
    assert refused.returncode == 1 and "--signer" in refused.stderr
    (folder / "signers").write_text(f"# of the first server\n{signer}\n")
    identity = folder / "identity"
    identity.write_text(f"# {signer}\n{place.keys.identity.read_text()}")
    for arguments in (["--signer", signer], ["--signer", folder / "signers"], ["--identity", identity]):
        done = place.verify(place.backups, *arguments, env=elsewhere)
        assert done.returncode == 0, (arguments, done)
    for wrong in ("streakd-signer-00", folder / "missing"):
        assert place.verify(place.backups, "--signer", wrong, env=elsewhere).returncode == 1
    key = os.environ["STREAKD_BACKUP_SIGNING_KEY"]
    assert os.stat(key).st_mode & 0o777 == 0o600
    os.chmod(key, 0o644)
    try:
        done = streakctl("backup", "run", "--folder", folder / "b", "--data-folder", place.data, "--recipient", place.keys.recipient, check=False)
        assert done.returncode == 1 and "other users" in done.stderr and key in done.stderr
    finally:
        os.chmod(key, 0o600)


@pytest.mark.parametrize("cut", ["in a table's rows", "between two tables", "in a statement", "before the end"])
def test_a_dump_that_was_cut_ends_a_restore_at_once_with_the_reason(place, folder, cut):
    dump = place.dump
    rows = dump.index(b"COPY public.cells ")
    at = {"in a table's rows": dump.index(b"\n", rows) + 60, "between two tables": rows, "in a statement": dump.index(b"CREATE TABLE public.cells") + 40,
          "before the end": dump.index(TRAILER)}[cut]
    backups = place.forge(folder, dump[:at])
    for done in place.both(backups, folder, "--allow-unsigned"):
        assert done.returncode == 1 and "cut short" in done.stdout + done.stderr, done
    assert not (folder / "restored").exists()


def old_programs(folder, version="15.2"):
    """PostgreSQL's programs with a psql without the restricted mode."""
    real = subprocess.run(["find", "/usr/lib/postgresql", "-name", "psql"], capture_output=True, text=True, check=True).stdout.split()[-1]
    programs = folder / "programs"
    programs.mkdir()
    for program in os.listdir(os.path.dirname(real)):
        (programs / program).symlink_to(f"{os.path.dirname(real)}/{program}")
    (programs / "psql").unlink()
    (programs / "psql").write_text(
        f"#!/bin/sh\ncase \"$1\" in --help=commands) echo General; exit;; --version) echo 'psql (PostgreSQL) {version}'; exit;; esac\nexec {real} \"$@\"\n")
    (programs / "psql").chmod(0o755)
    return {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}


def test_newer_programs_beside_an_older_server_do_not_make_its_backup(place, folder):
    """O7: an older server may not read what a newer pg_dump writes."""
    newer = old_programs(folder, "99.1")
    programs = folder / "programs"
    (programs / "pg_dump").unlink()
    (programs / "pg_dump").write_text("#!/bin/sh\necho 'a newer pg_dump ran' >&2\nexit 9\n")
    (programs / "pg_dump").chmod(0o755)
    done = streakctl("backup", "run", "--folder", folder / "backups", "--data-folder", place.data, "--recipient", place.keys.recipient,
                     check=False, env=newer)
    assert done.returncode == 0, done
    server = (place.data / "cluster/PG_VERSION").read_text().strip()
    made = json.loads((folder / "backups" / done.stdout.strip() / "manifest.json").read_text())
    assert made["tools"][0].startswith(f"pg_dump (PostgreSQL) {server}."), made["tools"]


def test_a_psql_without_restricted_mode_is_reported_with_its_package(place, folder):
    for done in place.both(place.backups, folder, env=old_programs(folder)):
        assert done.returncode == 1 and "15.2" in done.stderr and "postgresql-client" in done.stderr and "\\restrict" in done.stderr, done
