"""Start a private PostgreSQL when no DATABASE_URL is set: for trying out and for tests, never for production.

It lives in `.local/postgres` and listens on no network port but on a Unix socket in a folder nobody else can
enter, which is why it needs no password. It keeps running after the command that started it, so the next one
starts at once.

    python -m config.embedded_postgres status | url | start | stop | remove
"""

import argparse
import fcntl
import hashlib
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
from django.core.exceptions import ImproperlyConfigured
from psycopg import sql

from config import postgres_binaries

_CHECKOUT = Path(__file__).resolve().parent.parent
_LOCAL = _CHECKOUT / ".local"
# The superuser made by initdb. Only this file uses it, because row-level security does not bind superusers.
_KEEPER = "keeper"
_NAME = "counterfoil"  # The application's role and its database.
_LONGEST_SOCKET_PATH = 103  # The kernel's limit: 107 on Linux, 103 on macOS.
_START_SECONDS = 5

_CONFIGURATION = """\
listen_addresses = ''
unix_socket_directories = '"{socket}"'
unix_socket_permissions = 0700
# Fast and careless about power cuts: this server is for trying out only.
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
max_wal_size = 2GB
max_connections = 100
max_locks_per_transaction = 256
shared_buffers = 256MB
work_mem = 16MB
maintenance_work_mem = 128MB
autovacuum = on
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
"""


@dataclass(frozen=True)
class _Place:
    """Where the server of this checkout lives, and the account it runs as (None: our own)."""

    home: Path
    socket: Path
    account: pwd.struct_passwd | None

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "server.log"


def ensure_running() -> str:
    """Give the URL of the embedded database, starting the server first if it does not run.

    Raises ImproperlyConfigured, with the server's own words, when it cannot start.
    """
    place = _place()
    if not _answers(place, role=_NAME, database=_NAME):
        with _lock(place):
            if not _answers(place, role=_KEEPER, database="postgres"):
                _start(place)
            _create_role_and_database(place)
    return _url(place)


def stop() -> bool:
    """Stop the server. Gives False if none was running."""
    place = _place()
    if not (place.data / "postmaster.pid").exists():
        return False
    with _lock(place):
        done = _run(place, _programs(place) / "pg_ctl", "stop", "-D", place.data, "-m", "fast", "-w")
    return done.returncode == 0


def remove() -> None:
    """Stop the server and delete its data."""
    stop()
    place = _place()
    for folder in {place.home, place.socket}:
        shutil.rmtree(folder, ignore_errors=True)


def _place() -> _Place:
    account = pwd.getpwnam("nobody") if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root.
    aside = _aside("/var/tmp")  # noqa: S108 (made private, or refused, by _private_folder)
    _LOCAL.mkdir(exist_ok=True)
    home = _LOCAL / "postgres" if postgres_binaries.open_to(account, folder=_LOCAL) else aside
    socket = home / "socket"
    if len(os.fsencode(socket / ".s.PGSQL.5432")) > _LONGEST_SOCKET_PATH:
        socket = _aside(tempfile.gettempdir())
    return _Place(home=home, socket=socket, account=account)


def _aside(folder: str) -> Path:
    """Name a folder outside the checkout that belongs to this checkout and this user alone."""
    mark = hashlib.sha256(os.fsencode(_CHECKOUT)).hexdigest()[:12]
    return Path(folder) / f"counterfoil-{os.geteuid()}-{mark}"


def _url(place: _Place) -> str:
    return f"postgresql://{_NAME}@{quote(str(place.socket), safe='')}/{_NAME}"


def _connect(place: _Place, *, role: str, database: str) -> psycopg.Connection:
    socket = str(place.socket)
    return psycopg.connect(host=socket, user=role, dbname=database, connect_timeout=5, autocommit=True)


def _answers(place: _Place, *, role: str, database: str) -> bool:
    try:
        _connect(place, role=role, database=database).close()
    except psycopg.OperationalError:
        return False
    return True


@contextmanager
def _lock(place: _Place) -> Iterator[None]:
    """Let one process at a time start or stop the server."""
    with (_LOCAL / "postgres.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        # For a person looking for the data, which is elsewhere when the checkout lies under a closed home.
        (_LOCAL / "postgres.location").write_text(f"{place.home}\n")
        yield


def _private_folder(place: _Place, folder: Path) -> None:
    """Make a folder only the server's account can enter; refuse one that somebody else put there."""
    owner = place.account.pw_uid if place.account else os.geteuid()
    if not folder.exists():
        folder.mkdir(mode=0o700, parents=True)
        if place.account:
            os.chown(folder, owner, place.account.pw_gid)
    state = folder.lstat()
    if folder.is_symlink() or state.st_uid != owner or state.st_mode & 0o077:
        raise ImproperlyConfigured(
            f"The embedded database needs {folder} as a private folder, but it belongs to someone else or is "
            "open to others. Delete it if you do not know it, or set DATABASE_URL to a PostgreSQL server."
        )


def _programs(place: _Place) -> Path:
    found = postgres_binaries.find()
    return postgres_binaries.reachable_copy(found, account=place.account, keep_in=place.home)


def _run(place: _Place, *command: str | Path) -> subprocess.CompletedProcess[str]:
    account = place.account
    # The output goes to a file: a server that inherits a pipe would keep its reader waiting for ever.
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=place.home,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
            check=False,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
        )
        output.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, output.read())


def _start(place: _Place) -> None:
    """Start the server on its data, made first if need be.

    Try for some seconds: after a crash the server's orphans hold on to its memory for a moment.
    """
    _private_folder(place, place.home)
    _private_folder(place, place.socket)
    programs = _programs(place)
    if not place.data.exists():
        _make_data(place, programs)
    made_by = (place.data / "PG_VERSION").read_text().strip()
    version = postgres_binaries.major_version(programs)
    if made_by != str(version):
        raise ImproperlyConfigured(
            f"The embedded database was made by PostgreSQL {made_by}, but version {version} was found. Set "
            "PG_BIN to the old version's programs, or delete the trial data: "
            "python -m config.embedded_postgres remove"
        )
    configuration = _CONFIGURATION.format(socket=str(place.socket).replace("'", "''"))
    (place.data / "counterfoil.conf").write_text(configuration)
    deadline = time.monotonic() + _START_SECONDS
    while True:
        done = _run(place, programs / "pg_ctl", "start", "-D", place.data, "-l", place.log, "-w", "-t", "60")
        if _answers(place, role=_KEEPER, database="postgres"):
            return
        if time.monotonic() > deadline:
            said = place.log.read_text() if place.log.exists() else done.stdout
            words = "\n  ".join(said.splitlines()[-8:])
            raise ImproperlyConfigured(f"The embedded PostgreSQL did not start. It says:\n  {words}")
        time.sleep(0.25)


def _make_data(place: _Place, programs: Path) -> None:
    draft = place.home / "data.new"  # Renamed when complete: an interrupted start leaves nothing half made.
    shutil.rmtree(draft, ignore_errors=True)
    modern = postgres_binaries.major_version(programs) >= 17
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if modern else []
    common = ["-D", str(draft), "-U", _KEEPER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
    done = _run(place, programs / "initdb", *common, *locale)
    if done.returncode:
        raise ImproperlyConfigured(f"No embedded PostgreSQL could be set up in {place.home}:\n{done.stdout}")
    with (draft / "postgresql.conf").open("a") as file:
        file.write("include_if_exists = 'counterfoil.conf'\n")
    draft.rename(place.data)


def _create_role_and_database(place: _Place) -> None:
    """Create the application's plain role, which may create databases (for tests) and bypasses no wall."""
    name = sql.Identifier(_NAME)
    with _connect(place, role=_KEEPER, database="postgres") as keeper:
        if not keeper.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [_NAME]).fetchone():
            keeper.execute(sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER CREATEDB NOBYPASSRLS").format(name))
        if not keeper.execute("SELECT 1 FROM pg_database WHERE datname = %s", [_NAME]).fetchone():
            keeper.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, name))


def main(arguments: list[str]) -> int:
    """Carry out one word of the command line; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m config.embedded_postgres")
    parser.add_argument("action", choices=("status", "url", "start", "stop", "remove"))
    action = parser.parse_args(arguments).action
    place = _place()
    running = _answers(place, role=_NAME, database=_NAME)
    if action == "start":
        print(ensure_running())
    elif action == "url":
        print(_url(place))
    elif action == "status":
        print(f"{'running' if running else 'not running'}; data in {place.home}")
        return 0 if running else 3
    elif action == "stop":
        print("stopped" if stop() else "was not running")
    else:
        remove()
        print(f"removed {place.home}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
