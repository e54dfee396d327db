"""What must be true of rendered manifests beyond the schemas of Kubernetes.

Each rule takes an `Overlay` and yields sentences that say what is wrong; test_rules.py breaks manifests in
every way that a rule is about.
"""

import re
import tomllib
from collections import Counter
from dataclasses import dataclass

# Seconds that the server takes at most for its goodbyes after server.drain_timeout.
GOODBYES = 30

# The ports of a server: key of the configuration, protocols, whether it may be reached from outside.
PORTS = [
    ("server.http_port", ("TCP",), True),
    ("server.internal_port", ("TCP",), False),
    ("sfu.udp_port", ("UDP",), True),
    ("sfu.tcp_port", ("TCP",), True),
    ("turn.port", ("UDP", "TCP"), True),
    ("turn.tls_port", ("UDP", "TCP"), True),
]


@dataclass
class Overlay:
    """The documents of one overlay, and the files of the repository that they must agree with."""

    documents: list
    example: dict
    version: str

    def of_kind(self, kind):
        return [document for document in self.documents if document["kind"] == kind]

    @property
    def pod(self):
        (deployment,) = self.of_kind("Deployment")
        return deployment["spec"]["template"]

    @property
    def spec(self):
        return self.pod["spec"]

    @property
    def container(self):
        (container,) = self.spec["containers"]
        return container

    @property
    def on_host_network(self):
        return self.spec.get("hostNetwork", False)

    @property
    def file(self):
        """The configuration file as the pod gets it."""
        (config_map,) = [c for c in self.of_kind("ConfigMap") if "oriel.toml" in c["data"]]
        return tomllib.loads(config_map["data"]["oriel.toml"])

    @property
    def variables(self):
        """The keys that variables set, with their values; `None` where it comes from elsewhere."""
        prefix = "ORIEL__"
        return {
            one["name"].removeprefix(prefix).lower().replace("__", "."): one.get("value")
            for one in self.container.get("env", [])
            if one["name"].startswith(prefix)
        }

    def setting(self, key):
        """What is in force: the variable, else the file, else the default."""
        section, name = key.split(".")
        if key in self.variables:
            return self.variables[key]
        default = self.example[section][name]
        return self.file.get(section, {}).get(name, default)


def keys_exist(overlay):
    """A misspelt key keeps the server from starting."""
    named = [f"{section}.{name}" for section, keys in overlay.file.items() for name in keys]
    for key in [*named, *overlay.variables]:
        section, _, name = key.partition(".")
        if name not in overlay.example.get(section, {}):
            yield f"{key} is no key of the configuration"


def ports_are_exposed_once(overlay):
    """Every port of the configuration leads to the container by one way, and nothing else does."""
    declared = {port["name"]: port for port in overlay.container["ports"]}
    wanted = {
        (protocol, int(overlay.setting(key))): key
        for key, protocols, _ in PORTS
        for protocol in protocols
    }
    is_on = lambda key: str(overlay.setting(f"webtransport.{key}")).lower() == "true"
    if is_on("enabled") and not is_on("share_media_port"):
        port = int(overlay.setting("webtransport.port")) or int(overlay.setting("server.http_port"))
        wanted["UDP", port] = "webtransport.port"
    found = {(port["protocol"], port["containerPort"]) for port in declared.values()}
    for protocol, port in wanted.keys() - found:
        yield f"{wanted[protocol, port]}: the container has no port {port}/{protocol}"
    for protocol, port in found - wanted.keys():
        yield f"the container has a port {port}/{protocol} that no key of the configuration has"
    ways = Counter()
    for service in overlay.of_kind("Service"):
        for port in service["spec"]["ports"]:
            target = declared.get(port["targetPort"])
            if target is None:
                yield f"{service['metadata']['name']} leads to a port that is not there: {port['targetPort']}"
            elif target["protocol"] != port["protocol"]:
                yield f"{service['metadata']['name']} leads {port['protocol']} to {port['targetPort']}"
            else:
                ways[target["protocol"], target["containerPort"]] += 1
    for way, key in wanted.items():
        # In the node's network the container's port is the way, and the Service of HTTP for the cluster.
        least = 0 if overlay.on_host_network else 1
        if not least <= ways[way] <= 1:
            yield f"{key} ({way[1]}/{way[0]}) is exposed {ways[way]} times"


def the_internal_port_stays_inside(overlay):
    """Metrics are for monitoring."""
    for service in overlay.of_kind("Service"):
        inside = [port for port in service["spec"]["ports"] if port["targetPort"] == "internal"]
        if inside and service["spec"].get("type", "ClusterIP") != "ClusterIP":
            yield f"{service['metadata']['name']} takes the internal port outside of the cluster"
    bound = overlay.setting("server.internal_bind")
    if overlay.on_host_network and bound != "127.0.0.1":
        yield f"in the node's network server.internal_bind is {bound}: everybody may read metrics"
    for policy in overlay.of_kind("NetworkPolicy"):
        for rule in policy["spec"]["ingress"]:
            if any(port["port"] == "internal" for port in rule["ports"]) and "from" not in rule:
                yield "the NetworkPolicy lets everybody to the internal port"


def the_policy_lets_clients_in(overlay):
    """What is exposed is allowed."""
    (policy,) = overlay.of_kind("NetworkPolicy")
    allowed = {
        (port["port"], port["protocol"]) for rule in policy["spec"]["ingress"] for port in rule["ports"]
    }
    for port in overlay.container["ports"]:
        if (port["name"], port["protocol"]) not in allowed:
            yield f"the NetworkPolicy keeps everybody from {port['name']}"
    first, last = overlay.setting("turn.relay_ports")
    relays = [
        port
        for rule in policy["spec"]["ingress"]
        for port in rule["ports"]
        if (port["port"], port.get("endPort")) == (first, last)
    ]
    if not relays:
        yield f"the NetworkPolicy knows nothing of turn.relay_ports, {first} to {last}"


def there_is_time_to_drain(overlay):
    """The kubelet kills no earlier than the server ends by itself."""
    needed = int(overlay.setting("server.drain_timeout")) + GOODBYES
    given = overlay.spec.get("terminationGracePeriodSeconds", 30)
    if given != needed:
        yield f"terminationGracePeriodSeconds is {given}: server.drain_timeout and {GOODBYES} are {needed}"


def probes_tell_alive_from_ready(overlay):
    """A server that drains is not ready, and killing it would end its calls."""
    paths = {"livenessProbe": "/health", "startupProbe": "/health", "readinessProbe": "/ready"}
    for probe, path in paths.items():
        asked = overlay.container.get(probe, {}).get("httpGet", {})
        if asked.get("path") != path or asked.get("port") != "internal":
            yield f"{probe} must ask {path} on the internal port"


def the_pod_can_do_little(overlay):
    """Pod security as in the policy `restricted`, a read-only root, and bounded memory."""
    pod = overlay.spec.get("securityContext", {})
    container = overlay.container
    own = container.get("securityContext", {})
    if pod.get("runAsNonRoot") is not True or pod.get("runAsUser", 0) == 0:
        yield "the pod may run as root"
    if pod.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "the pod has no seccomp profile"
    if own.get("capabilities") != {"drop": ["ALL"]}:
        yield "the container keeps capabilities"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "the container may gain privileges"
    if own.get("readOnlyRootFilesystem") is not True:
        yield "the container's root can be written to"
    if overlay.spec.get("automountServiceAccountToken") is not False:
        yield "the pod gets a token of the cluster"
    resources = container.get("resources", {})
    if "memory" not in resources.get("limits", {}):
        yield "the container's memory has no limit"
    if not {"cpu", "memory"} <= resources.get("requests", {}).keys():
        yield "the container requests no processor or memory"
    (namespace,) = overlay.of_kind("Namespace")
    level = namespace["metadata"]["labels"].get("pod-security.kubernetes.io/enforce")
    if level != ("privileged" if overlay.on_host_network else "restricted"):
        yield f"the namespace enforces {level}"


def mounts_have_volumes(overlay):
    """What is written to and read from is there."""
    volumes = {volume["name"] for volume in overlay.spec.get("volumes", [])}
    mounts = {mount["mountPath"]: mount for mount in overlay.container["volumeMounts"]}
    for path, mount in mounts.items():
        if mount["name"] not in volumes:
            yield f"{path} is mounted from nowhere"
    state = mounts.get(overlay.setting("server.state_dir"), {"readOnly": True})
    if state.get("readOnly"):
        yield "server.state_dir cannot be written to"
    if overlay.setting("tls.mode") == "files":
        for key in ("tls.cert", "tls.key"):
            folder = overlay.setting(key).rsplit("/", 1)[0]
            if folder not in mounts:
                yield f"{key} is in {folder}, which is not mounted"


def selectors_find_the_pod(overlay):
    """A Service without endpoints says nothing about it."""
    labels = overlay.pod["metadata"]["labels"].items()
    for document in overlay.documents:
        spec = document.get("spec", {})
        selector = {
            "Service": lambda: spec["selector"],
            "PodDisruptionBudget": lambda: spec["selector"]["matchLabels"],
            "NetworkPolicy": lambda: spec["podSelector"].get("matchLabels", {}),
            "Deployment": lambda: spec["selector"]["matchLabels"],
        }.get(document["kind"], dict)()
        if not selector.items() <= labels:
            yield f"{document['kind']} {document['metadata']['name']} selects other pods"
    services = overlay.of_kind("Service")
    for monitor in overlay.of_kind("ServiceMonitor"):
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        seen = [s for s in services if wanted <= s["metadata"].get("labels", {}).items()]
        names = {port["name"] for service in seen for port in service["spec"]["ports"]}
        for endpoint in monitor["spec"]["endpoints"]:
            if endpoint["port"] not in names:
                yield f"the ServiceMonitor finds no port {endpoint['port']}"


def secrets_stay_out(overlay):
    """They are referred to, and made by the operator."""
    for document in overlay.documents:
        if document["kind"] == "Secret":
            yield "there is a Secret among the manifests"
    if "keys" in overlay.file.get("auth", {}) or "secrets" in overlay.file.get("turn", {}):
        yield "a secret is in the configuration file"
    if overlay.variables.get("auth.keys") is not None:
        yield "ORIEL__AUTH__KEYS has its value in the manifest"


def one_server(overlay):
    """Two pods would be two servers that do not know each other."""
    (deployment,) = overlay.of_kind("Deployment")
    spec = deployment["spec"]
    if spec["replicas"] != 1 or spec["strategy"]["type"] != "Recreate":
        yield "there must be one pod at a time"
    image = overlay.container["image"]
    if not re.search(rf":{re.escape(overlay.version)}$", image):
        yield f"the image is {image}, and this is version {overlay.version}"


RULES = [
    keys_exist,
    ports_are_exposed_once,
    the_internal_port_stays_inside,
    the_policy_lets_clients_in,
    there_is_time_to_drain,
    probes_tell_alive_from_ready,
    the_pod_can_do_little,
    mounts_have_volumes,
    selectors_find_the_pod,
    secrets_stay_out,
    one_server,
]


def problems(overlay):
    """Everything that is wrong with an overlay."""
    return [f"{rule.__name__}: {sentence}" for rule in RULES for sentence in rule(overlay)]
