"""Renders overlays by `kubectl kustomize`, and reads what they must agree with."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

from rules import Overlay

ROOT = Path(__file__).resolve().parents[2]
OVERLAYS = sorted(path.parent for path in ROOT.glob("k8s/overlays/*/kustomization.yaml"))

# Components came to kubectl with kustomize 4.2, in 2021.
OLDEST_KUSTOMIZE = (4, 2)


def kubectl():
    """A kubectl that knows components: $KUBECTL, the one on the path, or the one beside this Python."""
    beside = Path(sys.executable).parent / "kubectl"
    for candidate in (os.environ.get("KUBECTL"), shutil.which("kubectl"), str(beside)):
        if candidate and knows_components(candidate):
            return candidate
    raise SystemExit(
        "oriel: there is no kubectl of 2021 or later: install one "
        "(https://kubernetes.io/docs/tasks/tools), or name it by KUBECTL=/path/to/kubectl"
    )


def knows_components(candidate):
    try:
        told = subprocess.run(
            [candidate, "version", "--client", "-o", "json"], capture_output=True, timeout=60
        )
        version = json.loads(told.stdout).get("kustomizeVersion", "v0.0")
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return False
    major, minor = version.lstrip("v").split(".")[:2]
    return (int(major), int(minor)) >= OLDEST_KUSTOMIZE


def rendered(program, folder):
    """The documents of one overlay."""
    run = subprocess.run([program, "kustomize", folder], capture_output=True, text=True, timeout=60)
    if run.returncode != 0:
        raise SystemExit(f"oriel: {folder} cannot be rendered: {run.stderr.strip()}")
    if run.stderr.strip():
        raise SystemExit(f"oriel: {folder}: {run.stderr.strip()}")
    return list(yaml.safe_load_all(run.stdout))


def overlay(documents):
    """The documents with what they must agree with."""
    example = tomllib.loads((ROOT / "config.example.toml").read_text())
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text())
    return Overlay(documents, example, cargo["workspace"]["package"]["version"])
