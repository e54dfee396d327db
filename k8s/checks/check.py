"""`make k8s`: renders every overlay, validates it offline against the schemas of Kubernetes, and asks our own
rules."""

import sys

import kubernetes_validate

from render import OVERLAYS, kubectl, overlay, rendered
from rules import problems

# The oldest Kubernetes that is meant, and the newest that has a schema here.
VERSIONS = ["1.29", "1.37"]
# Kinds of others, by what brings them.
FOREIGN = {"Certificate": "cert-manager.io/v1", "ServiceMonitor": "monitoring.coreos.com/v1",
           "PrometheusRule": "monitoring.coreos.com/v1"}


def schema_problems(document):
    """What the schemas have to say."""
    kind, name = document["kind"], document["metadata"]["name"]
    if FOREIGN.get(kind) == document["apiVersion"]:
        return
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{kind} {name}, Kubernetes {version}: {error.message} at {list(error.path)}"
        except (kubernetes_validate.SchemaNotFoundError, kubernetes_validate.VersionNotSupportedError) as error:
            yield f"{kind} {name}: {error}"


def main():
    program = kubectl()
    failed = not OVERLAYS
    for folder in OVERLAYS:
        documents = rendered(program, folder)
        wrong = [sentence for document in documents for sentence in schema_problems(document)]
        wrong += problems(overlay(documents))
        print(f"{folder.name}: {len(documents)} documents, {len(wrong)} problems")
        for sentence in wrong:
            print(f"  {sentence}")
        failed |= bool(wrong)
    return failed


if __name__ == "__main__":
    sys.exit(main())
