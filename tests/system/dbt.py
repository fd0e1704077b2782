"""dbt in an environment of its own, and the small project ``shop`` built with it on PostgreSQL."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

#: dbt 1.12 and later fetch a part of themselves from elsewhere than the package index while they are installed.
REQUIREMENTS = ["dbt-core>=1.11,<1.12", "dbt-postgres"]


def install(folder):
    """
    Install dbt.

    :param folder: for the environment.
    :return: the folder of its programs.
    :raises subprocess.CalledProcessError: when it can't be had; its ``stderr`` says why.
    """
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    python = folder / "bin" / "python"
    if uv:
        commands = [
            [uv, "venv", "--quiet", "--python", sys.executable, folder],
            [uv, "pip", "install", "--quiet", "--python", python, *REQUIREMENTS],
        ]
    else:
        commands = [
            [sys.executable, "-m", "venv", folder],
            [python, "-m", "pip", "install", "--quiet", *REQUIREMENTS],
        ]
    for command in commands:
        subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
    return folder / "bin"


class Shop:
    """
    The project, with the tables that it reads.

    :param folder: for the project and what dbt makes of it.
    :param programs: the folder of dbt's program.
    :param database: a connection to PostgreSQL.
    """

    def __init__(self, folder, programs, database):
        self.folder = Path(shutil.copytree(Path(__file__).parent / "shop", folder / "shop"))
        self.manifest = str(self.folder / "target" / "manifest.json")
        self.schema = f"heap_dbt_{os.getpid()}"
        self.database = database
        info = database.info
        self.environment = {
            "SHOP_HOST": info.host,
            "SHOP_PORT": str(info.port),
            "SHOP_USER": info.user,
            "SHOP_PASSWORD": info.password or "",
            "SHOP_DATABASE": info.dbname,
            "SHOP_SCHEMA": self.schema,
            "DBT_PROJECT_DIR": str(self.folder),
            "DBT_PROFILES_DIR": str(self.folder),
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        }
        raw = f"{self.schema}_raw"
        self.drop()
        database.execute(f"create schema {raw}")
        database.execute(
            f"""create table {raw}."Users" as select * from (values
            ('ada@x.com', 1, 'pro', now()), ('bob@x.com', 1, 'free', now()), ('eve@x.com', 2, 'team', now())
            ) as users (email, company_id, plan, loaded_at)"""
        )
        database.execute(f"create table {raw}.orders as select 1 as id, 'ada@x.com' as email, now() as loaded_at")

    def run(self, *arguments):
        """
        Run dbt; it may fail, as its tests may.

        :param arguments: of its command line.
        """
        return subprocess.run(
            ["dbt", *arguments], env={**os.environ, **self.environment}, capture_output=True, text=True
        )

    def drop(self):
        """Remove what it made in the database."""
        for suffix in ("", "_raw", "_marts"):
            self.database.execute(f"drop schema if exists {self.schema}{suffix} cascade")
