"""Every rule finds what it is about: manifests are rendered, broken in one way, and asked."""

import copy
import unittest

from render import OVERLAYS, kubectl, overlay, rendered
from rules import RULES, problems

RENDERED = {}


def setUpModule():
    program = kubectl()
    for folder in OVERLAYS:
        RENDERED[folder.name] = rendered(program, folder)


def deployment(documents):
    return next(d for d in documents if d["kind"] == "Deployment")["spec"]


def pod(documents):
    return deployment(documents)["template"]["spec"]


def container(documents):
    return pod(documents)["containers"][0]


def named(documents, kind, name):
    return next(d for d in documents if d["kind"] == kind and d["metadata"]["name"] == name)


def config(documents, old, new):
    for document in documents:
        if document["kind"] == "ConfigMap" and "oriel.toml" in document["data"]:
            text = document["data"]["oriel.toml"]
            assert old in text, old
            document["data"]["oriel.toml"] = text.replace(old, new)


def env(documents, name, value):
    container(documents)["env"].append({"name": name, "value": value})


# Rule, overlay, how to break it, a word of what is said.
BREAKS = [
    ("keys_exist", "production", lambda d: config(d, "udp_port", "udp_prt"), "sfu.udp_prt"),
    ("keys_exist", "production", lambda d: env(d, "ORIEL__SERVER__HTP_PORT", "1"), "server.htp_port"),
    ("ports_are_exposed_once", "production", lambda d: config(d, "udp_port = 7882", "udp_port = 1"), "sfu.udp_port"),
    ("ports_are_exposed_once", "production",
     lambda d: d.remove(named(d, "Service", "oriel-media-tcp")), "exposed 0 times"),
    ("ports_are_exposed_once", "local",
     lambda d: d.append(named(copy.deepcopy(d), "Service", "oriel-http")), "exposed 2 times"),
    ("ports_are_exposed_once", "single-node", lambda d: container(d)["ports"].pop(0), "server.http_port"),
    ("ports_are_exposed_once", "production",
     lambda d: named(d, "Service", "oriel-http")["spec"]["ports"][0].update(targetPort="https"), "not there"),
    ("ports_are_exposed_once", "production",
     lambda d: named(d, "Service", "oriel-media-udp")["spec"]["ports"][0].update(protocol="TCP"), "leads TCP"),
    ("ports_are_exposed_once", "single-node",
     lambda d: env(d, "ORIEL__WEBTRANSPORT__ENABLED", "false"), "no key of the configuration has"),
    ("ports_are_exposed_once", "local",
     lambda d: env(d, "ORIEL__WEBTRANSPORT__ENABLED", "true"), "webtransport.port"),
    ("the_internal_port_stays_inside", "production",
     lambda d: named(d, "Service", "oriel-internal")["spec"].update(type="LoadBalancer"), "outside"),
    ("the_internal_port_stays_inside", "single-node",
     lambda d: container(d)["env"].remove({"name": "ORIEL__SERVER__INTERNAL_BIND", "value": "127.0.0.1"}),
     "everybody may read"),
    ("the_internal_port_stays_inside", "production",
     lambda d: named(d, "NetworkPolicy", "oriel")["spec"]["ingress"][1].pop("from"), "lets everybody"),
    ("the_policy_lets_clients_in", "production",
     lambda d: named(d, "NetworkPolicy", "oriel")["spec"]["ingress"][0]["ports"].pop(0), "keeps everybody from http"),
    ("the_policy_lets_clients_in", "production",
     lambda d: env(d, "ORIEL__TURN__RELAY_PORTS", [50000, 50999]), "turn.relay_ports"),
    ("there_is_time_to_drain", "production", lambda d: config(d, "drain_timeout = 300", "drain_timeout = 600"), "630"),
    ("there_is_time_to_drain", "local", lambda d: pod(d).pop("terminationGracePeriodSeconds"), "330"),
    ("probes_tell_alive_from_ready", "production",
     lambda d: container(d)["livenessProbe"]["httpGet"].update(path="/ready"), "livenessProbe"),
    ("probes_tell_alive_from_ready", "production", lambda d: container(d).pop("readinessProbe"), "readinessProbe"),
    ("the_pod_can_do_little", "production", lambda d: pod(d)["securityContext"].update(runAsUser=0), "root"),
    ("the_pod_can_do_little", "production", lambda d: pod(d)["securityContext"].pop("seccompProfile"), "seccomp"),
    ("the_pod_can_do_little", "production",
     lambda d: container(d)["securityContext"]["capabilities"].update(add=["NET_ADMIN"]), "capabilities"),
    ("the_pod_can_do_little", "production",
     lambda d: container(d)["securityContext"].pop("allowPrivilegeEscalation"), "privileges"),
    ("the_pod_can_do_little", "production",
     lambda d: container(d)["securityContext"].update(readOnlyRootFilesystem=False), "written"),
    ("the_pod_can_do_little", "production", lambda d: pod(d).pop("automountServiceAccountToken"), "token"),
    ("the_pod_can_do_little", "production", lambda d: container(d)["resources"]["limits"].pop("memory"), "no limit"),
    ("the_pod_can_do_little", "local", lambda d: container(d)["resources"].pop("requests"), "requests no"),
    ("the_pod_can_do_little", "local",
     lambda d: named(d, "Namespace", "oriel")["metadata"]["labels"].pop("pod-security.kubernetes.io/enforce"),
     "enforces None"),
    ("mounts_have_volumes", "production", lambda d: pod(d)["volumes"].pop(), "from nowhere"),
    ("mounts_have_volumes", "production", lambda d: config(d, "/var/lib/oriel", "/var/lib/other"), "state_dir"),
    ("mounts_have_volumes", "production", lambda d: env(d, "ORIEL__TLS__KEY", "/elsewhere/key"), "tls.key"),
    ("selectors_find_the_pod", "production",
     lambda d: named(d, "Service", "oriel-http")["spec"]["selector"].update(a="b"), "selects other pods"),
    ("selectors_find_the_pod", "production",
     lambda d: named(d, "ServiceMonitor", "oriel")["spec"]["endpoints"][0].update(port="x"), "no port x"),
    ("secrets_stay_out", "production", lambda d: d.append({"kind": "Secret", "metadata": {"name": "x"}}), "Secret"),
    ("secrets_stay_out", "production",
     lambda d: config(d, "[rooms]", "[auth]\nkeys = []\n[rooms]"), "configuration file"),
    ("secrets_stay_out", "production", lambda d: env(d, "ORIEL__AUTH__KEYS", "[]"), "value in the manifest"),
    ("one_server", "production", lambda d: deployment(d).update(replicas=2), "one pod"),
    ("one_server", "production", lambda d: container(d).update(image="oriel:latest"), "version"),
]


class Rules(unittest.TestCase):
    def test_nothing_is_wrong_as_it_is(self):
        self.assertEqual(list(RENDERED), ["local", "production", "single-node"])
        for name, documents in RENDERED.items():
            self.assertEqual(problems(overlay(documents)), [], name)

    def test_what_is_broken_is_found(self):
        for rule, name, spoil, word in BREAKS:
            with self.subTest(rule=rule, word=word):
                documents = copy.deepcopy(RENDERED[name])
                spoil(documents)
                found = [one for one in problems(overlay(documents)) if one.startswith(f"{rule}: ")]
                self.assertTrue(any(word in one for one in found), found)

    def test_every_rule_has_a_break(self):
        self.assertEqual({rule.__name__ for rule in RULES}, {rule for rule, *_ in BREAKS})


if __name__ == "__main__":
    unittest.main()
