"""A database with all migrations, made once for each state of the migrations; test databases are copies of it.

Migrating takes five seconds, copying half a second.
"""

import hashlib
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from config import embedded_postgres

_CHECKOUT = Path(__file__).resolve().parent.parent
_PREFIX = "counterfoil_template_"
_LOCK = 1_668_640_116


def migrated_template() -> str:
    """Give the name of the template for the migrations as they are, and make it where it is missing."""
    server = os.environ.get("DATABASE_URL") or embedded_postgres.ensure_running()
    name = _PREFIX + _digest()
    with psycopg.connect(server, autocommit=True) as keeper:
        keeper.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        rows = keeper.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [_PREFIX]).fetchall()
        if (name,) in rows:
            return name
        for (old,) in rows:
            with suppress(psycopg.errors.ObjectInUse):
                keeper.execute(f'DROP DATABASE IF EXISTS "{old}"')
        # Under another name until it is whole: a run that is killed meanwhile leaves nothing that looks ready.
        unfinished = f"{name}_unfinished"
        keeper.execute(f'CREATE DATABASE "{unfinished}"')
        url = urlunsplit(urlsplit(server)._replace(path=f"/{unfinished}"))
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
            check=True,
            cwd=_CHECKOUT,
            env={**os.environ, "DATABASE_URL": url},
        )
        keeper.execute(f'ALTER DATABASE "{unfinished}" RENAME TO "{name}"')
    return name


def _digest() -> str:
    """Tell one state of the migrations, and of what they are run by, from another."""
    digest = hashlib.sha256()
    sources = [
        *_CHECKOUT.glob("*/migrations/*.py"),
        *_CHECKOUT.glob("*/models/*.py"),
        *(_CHECKOUT / "billing" / name for name in ("audit.py", "fields.py", "guards.py", "tables.py", "walls.py")),
    ]
    for path in [*sorted(sources), _CHECKOUT / "requirements.txt"]:
        digest.update(str(path.relative_to(_CHECKOUT)).encode() + path.read_bytes())
    return digest.hexdigest()[:12]


if __name__ == "__main__":
    migrated_template()
