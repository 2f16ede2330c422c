"""The state of a project that a kill must not change: one place says what counts and what does not.

Time, memory and the ids of Dagster's runs do not count; neither do locks, nor the bytes of the published database (its
rows do). All else counts, to the bytes of every Parquet file and every adapter, and a file too many is a difference.
"""

import hashlib
import json
from collections import Counter
from pathlib import Path

import dagster as dg
import duckdb

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.warehouse import Warehouse, upkeep

State = dict[str, str]
_MANIFEST = ("recipe", "step", "domain", "iteration", "signature")
_OF_THE_RUN = ("started_at", "seconds", "peak_memory_mb", "device", "dagster_run_id")
_APART = ("run.json", "attempts.json")  # what making it cost
DATABASE = "selfspec.duckdb"


def state(project: Path) -> State:
    """Name -> digest of everything that counts."""
    root = project / "warehouse"
    return {**files(root), **published(root / DATABASE), **told(project / ".dagster")}


def digest(of: State) -> str:
    return hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()


def files(root: Path) -> State:
    found = {}
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        name = path.relative_to(root).as_posix()
        if name.startswith("locks/") or path.name in _APART or name == DATABASE:
            continue
        data = path.read_bytes()
        if name.startswith("manifest/") and path.suffix == ".json" and not path.name.startswith("."):
            facts = json.loads(data)
            data = json.dumps({key: facts[key] for key in _MANIFEST}).encode()
        found[f"file {name}"] = hashlib.sha256(data).hexdigest()
    return found


def published(database: Path) -> State:
    """Each table's rows, sorted, without what differs from run to run."""
    if not database.exists():
        return {}
    found = {}
    with duckdb.connect(str(database), read_only=True) as connection:
        names = [str(name) for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        for name in sorted(names):
            left_out = f"EXCLUDE ({', '.join(_OF_THE_RUN)})" if name == "runs" else ""
            rows = connection.execute(f"SELECT * {left_out} FROM {name} ORDER BY ALL").fetchall()
            found[f"table {name}"] = hashlib.sha256(repr(rows).encode()).hexdigest()
    return found


def told(instance_folder: Path) -> State:
    """What Dagster knows: each revision exactly once, no run that still seems to go on, no slot taken."""
    if not (instance_folder / "dagster.yaml").exists():
        return {}
    with dg.DagsterInstance.from_config(str(instance_folder)) as instance:
        events: Counter[str] = Counter()
        for key in instance.get_asset_keys():
            for record in instance.fetch_materializations(key, limit=1000).records:
                made = record.asset_materialization
                assert made is not None
                version = (made.tags or {}).get("dagster/data_version")
                events[f"event {key.to_user_string()} {made.partition} {version}"] += 1
        waiting = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
        unfinished = instance.get_runs_count(dg.RunsFilter(statuses=waiting))
        slots = instance.event_log_storage.get_concurrency_info("gpu").active_run_ids
    counted = {name: str(count) for name, count in events.items()}
    return {**counted, "runs that seem to go on": str(unfinished), "slots taken": str(len(slots))}


def difference(one: State, other: State) -> list[str]:
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def torn(project: Path) -> list[str]:
    """What a reader would trip over right now: damaged entries and revisions, half a partition in the database."""
    root = project / "warehouse"
    warehouse = Warehouse(root)
    problems = []
    try:
        for entry in warehouse.entries():
            warehouse.verify(entry.signature)
        for signature in upkeep.revisions(warehouse):
            warehouse.verify(signature)
        if (root / DATABASE).exists():
            problems += _unlike_their_revisions(warehouse, root / DATABASE)
    except (SelfspecError, duckdb.Error) as error:
        problems.append(str(error))
    return problems


def _unlike_their_revisions(warehouse: Warehouse, database: Path) -> list[str]:
    """Each published partition has exactly the rows that its revision says."""
    with duckdb.connect(str(database), read_only=True) as connection:
        listing = "SELECT recipe, step, domain, iteration, signature FROM revisions"
        problems = []
        for recipe, step, domain, iteration, signature in connection.execute(listing).fetchall():
            for table, rows in warehouse.revision(signature).tables.items():
                query = f"SELECT count(*) FROM {table} WHERE recipe = ? AND domain = ? AND iteration = ?"
                found = connection.execute(query, [recipe, domain, iteration]).fetchone()
                if found != (rows,):
                    problems.append(f"{step} {domain}|{iteration}: {table} has {found} rows, its revision {rows}")
    return problems
