"""Asks a server everything that its OpenAPI document allows, and much that it does not: run.py PROGRAM [ARGUMENTS]

PROGRAM is `oriel`. It gets free ports and a state folder of its own, and ends with the run. Fails on a 5xx, on an answer
that the document does not describe, and on an operation that never succeeded.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

FOLDER = pathlib.Path(__file__).parent
SECRET = "0123456789abcdef0123456789abcdef"
SETTINGS = {
    "SERVER__HTTP_PORT": "0",
    "SERVER__INTERNAL_PORT": "0",
    "SFU__UDP_PORT": "0",
    "SFU__TCP_PORT": "0",
    "ICE__TURN": "false",
    "ROOMS__EMPTY_TIMEOUT": "3600",
    "LIMITS__JOINS_PER_SECOND": "0",
    # Nobody is there, and private addresses are not asked: every event is a dead letter soon.
    "WEBHOOKS__ENDPOINTS": f'[{{ id = "sink", url = "http://127.0.0.1:9", secret = "{SECRET}" }}]',
    "WEBHOOKS__RETRY_FOR": "1",
}


def main():
    program, arguments = sys.argv[1], sys.argv[2:]
    with tempfile.TemporaryDirectory() as state:
        environment = {f"ORIEL__{name}": value for name, value in SETTINGS.items()}
        environment["ORIEL__SERVER__STATE_DIR"] = state
        environment = {**os.environ, **environment}
        log = pathlib.Path(state, "log")
        with log.open("wb") as errors:
            server = subprocess.Popen([program], env=environment, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            url = server.stdout.readline().strip().removeprefix("Oriel is ready: ")

            def token(*flags):
                minted = subprocess.run([program, "token", *flags], env=environment, capture_output=True, text=True)
                return minted.stdout.strip()

            status = ask(url, token("--server-admin"), token("--service"), pathlib.Path(state, "statuses"), arguments)
        finally:
            server.terminate()
            server.wait(30)
        said = log.read_text(encoding="utf-8", errors="replace")
        if "panicked at" in said:
            print(said)
            sys.exit("oriel: the server panicked; what it said stands above")
    sys.exit(status)


def ask(url, token, service_token, statuses, arguments):
    environment = {
        **os.environ,
        "STAGE_URL": url,
        "STAGE_TOKEN": token,
        "STAGE_SERVICE_TOKEN": service_token,
        "STAGE_STATUSES": str(statuses),
        "SCHEMATHESIS_HOOKS": "hooks",
        "PYTHONPATH": str(FOLDER),
    }
    command = [
        pathlib.Path(sys.executable).with_name("schemathesis"),
        "run",
        f"{url}/v1/openapi.json",
        "--header",
        f"Authorization: Bearer {token}",
        "--phases=examples,coverage,fuzzing",
        "--max-examples=25",
        "--seed=1",
        "--request-timeout=20",
        "--checks=all",
        # Limits in bytes, and ids of things that are not there, are nothing that a schema can say.
        "--exclude-checks=positive_data_acceptance",
        "--warnings=off",
        "--no-color",
        *arguments,
    ]
    status = subprocess.run(command, env=environment, cwd=FOLDER, check=False).returncode
    seen = json.loads(statuses.read_text(encoding="utf-8"))
    never = [label for label, codes in seen.items() if not any(code.startswith("2") for code in codes)]
    for label in never:
        print(f"oriel: {label} never succeeded: {seen[label]}")
    print(f"{sum(sum(codes.values()) for codes in seen.values())} calls, {len(seen)} operations")
    return status or bool(never)


if __name__ == "__main__":
    main()
