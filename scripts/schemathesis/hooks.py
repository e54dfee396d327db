"""What schemathesis calls: most of the well-formed calls are about things that are there, of each operation the first
ones for certain."""

import json
import os
import random

import schemathesis
from schemathesis import GenerationMode

from stage import ROOM, Stage

stage = Stage(*(os.environ[name] for name in ("STAGE_URL", "STAGE_TOKEN", "STAGE_SERVICE_TOKEN")))
chance = random.Random(1)
# By operation, how many well-formed calls there were.
well_formed = {}
CERTAIN = 3
statuses = {}


@schemathesis.hook
def before_call(context, case, kwargs):
    is_well_formed = case.meta is None or case.meta.generation.mode == GenerationMode.POSITIVE
    if not is_well_formed or not case.path_parameters:
        return
    count = well_formed[case.operation.label] = well_formed.get(case.operation.label, 0) + 1
    if count > CERTAIN and chance.random() < 0.3:
        return
    case.path_parameters.update(stage.fill(case.path_parameters))
    if case.operation.definition.raw.get("operationId") == "move_participant" and isinstance(case.body, dict):
        case.body["room"] = f"{ROOM}.1"
    if case.operation.definition.raw.get("operationId") == "mute_track" and isinstance(case.body, dict):
        # Only a publisher can unmute.
        case.body["muted"] = bool(case.body.get("muted")) or count <= CERTAIN
    if case.operation.definition.raw.get("operationId") == "send_message" and isinstance(case.body, dict):
        # Nobody has ids that are made up.
        case.body.pop("to", None)


@schemathesis.hook
def after_call(context, case, response):
    seen = statuses.setdefault(case.operation.label, {})
    seen[response.status_code] = seen.get(response.status_code, 0) + 1
    with open(os.environ["STAGE_STATUSES"], "w", encoding="utf-8") as file:
        json.dump(statuses, file)
