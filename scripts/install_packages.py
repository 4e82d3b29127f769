"""Install the dbt packages of packages.yml; without the hub, their stand-ins from stand_ins/."""

import shutil
import subprocess
import sys
from pathlib import Path

import requests
import yaml
from dbt.clients.registry import DEFAULT_REGISTRY_BASE_URL as HUB

ROOT = Path(__file__).resolve().parent.parent
INSTALLED = ROOT / "dbt_packages"
HUB_SECONDS = 5  # a hub that answers does so at once; dbt alone would retry for much longer
DEPS_SECONDS = 120


def package_names() -> list[str]:
    entries = yaml.safe_load((ROOT / "packages.yml").read_text())["packages"]
    return [entry["package"].split("/")[1] for entry in entries]


def hub_problem() -> str | None:
    """Why the hub can't be used; None when it answers."""
    try:
        requests.get(f"{HUB}api/v1/dbt-labs/dbt_utils.json", timeout=HUB_SECONDS).raise_for_status()
    except requests.RequestException as error:
        return f"the dbt package hub can't be reached ({type(error).__name__})"
    return None


def deps_problem() -> str | None:
    """Run dbt deps. Why it failed; None when the packages are installed."""
    dbt = shutil.which("dbt", path=str(Path(sys.executable).parent))
    if dbt is None:
        raise SystemExit(f"No dbt beside {sys.executable}: run make setup.")
    command = [dbt, "deps", "--project-dir", str(ROOT), "--profiles-dir", str(ROOT)]
    try:
        done = subprocess.run(
            command, cwd=ROOT, timeout=DEPS_SECONDS, capture_output=True, text=True, check=False
        )
    except subprocess.TimeoutExpired:
        return f"dbt deps took more than {DEPS_SECONDS} seconds"
    if done.returncode == 0:
        return None
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    return f"dbt deps failed ({lines[-1] if lines else f'exit code {done.returncode}'})"


def install_stand_ins() -> None:
    names = package_names()
    missing = [name for name in names if not (ROOT / "stand_ins" / name).is_dir()]
    if missing:
        raise SystemExit(
            f"No stand-in for {', '.join(missing)}: stand_ins/ must hold one for each."
        )
    shutil.rmtree(INSTALLED, ignore_errors=True)
    for name in names:
        shutil.copytree(ROOT / "stand_ins" / name, INSTALLED / name)


def main() -> None:
    problem = hub_problem() or deps_problem()
    if problem is None:
        print(f"dbt packages installed from the hub: {', '.join(package_names())}.")
        return
    install_stand_ins()
    print(f"dbt packages: {problem}; the in-tree stand-ins are used (stand_ins/README.md).")


if __name__ == "__main__":
    main()
