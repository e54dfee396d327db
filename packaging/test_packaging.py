"""`make packaging`: what can be said of the container, compose.yaml, the systemd unit and the Debian package
without an engine, and without installing anything. Run with the binary to package: BINARY=target/debug/oriel."""

import os
import re
import stat
import subprocess
import sys
import tempfile
import tomllib
import unittest
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = tomllib.loads((ROOT / "config.example.toml").read_text())
VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
# Seconds for the goodbyes after server.drain_timeout.
GOODBYES = 30


def ports():
    """What clients reach, by the defaults, as `7880/tcp`; never the internal port."""
    server, sfu, turn = EXAMPLE["server"], EXAMPLE["sfu"], EXAMPLE["turn"]
    return {
        f"{server['http_port']}/tcp", f"{server['http_port']}/udp",
        f"{sfu['udp_port']}/udp", f"{sfu['tcp_port']}/tcp",
        *(f"{port}/{protocol}" for port in (turn["port"], turn["tls_port"]) for protocol in ("tcp", "udp")),
    }


def run(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, **more)
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


class Container(unittest.TestCase):
    TEXT = (ROOT / "Dockerfile").read_text()
    FINAL = TEXT[TEXT.rindex("\nFROM "):]

    def test_the_linter_is_content(self):
        run(str(Path(sys.executable).parent / "hadolint"), str(ROOT / "Dockerfile"))

    def test_the_last_stage_is_small_and_runs_as_nobody(self):
        self.assertGreaterEqual(self.TEXT.count("\nFROM "), 3)
        self.assertIn("distroless", self.FINAL)
        self.assertNotIn("\nRUN ", self.FINAL)
        self.assertRegex(self.FINAL, r"\nUSER [1-9][0-9]*:[1-9][0-9]*\n")
        self.assertRegex(self.FINAL, r'\nHEALTHCHECK .*CMD \["/usr/bin/oriel", "health"\]')
        self.assertRegex(self.FINAL, r'\nENTRYPOINT \["/usr/bin/oriel"\]')

    def test_the_ports_are_those_of_the_configuration(self):
        exposed = re.search(r"\nEXPOSE (.*)\n", self.FINAL).group(1).split()
        self.assertEqual(set(exposed), ports())
        self.assertEqual(len(exposed), len(set(exposed)))

    def test_the_builder_gets_the_whole_workspace(self):
        sent = (ROOT / ".dockerignore").read_text().splitlines()
        cargo = tomllib.loads((ROOT / "Cargo.toml").read_text())
        folders = {member.split("/")[0] for member in cargo["workspace"]["members"]}
        for name in ["Cargo.toml", "Cargo.lock", "web-client", *folders]:
            self.assertIn(f"!{name}", sent)

    def test_the_toolchains_are_those_that_the_project_asks_for(self):
        needed = (ROOT / "scripts/need").read_text()
        rust = re.search(r"^RUST=(.*)$", needed, re.M).group(1)
        node = re.search(r"^NODE=(\d+)", needed, re.M).group(1)
        self.assertIn(f"\nARG RUST={rust}-", self.TEXT)
        self.assertIn(f"\nARG NODE={node}-", self.TEXT)


class Compose(unittest.TestCase):
    SERVICE = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["oriel"]

    def test_the_ports_are_those_of_the_configuration_once(self):
        published = [one.split(":") for one in self.SERVICE["ports"]]
        self.assertEqual({inside for _, inside in published}, ports())
        self.assertEqual(len(published), len(ports()))
        for outside, inside in published:
            # Clients are told the port that is open inside.
            self.assertEqual(outside, inside.split("/")[0])

    def test_variables_are_keys(self):
        for name in self.SERVICE["environment"]:
            _, section, key = name.lower().split("__")
            self.assertIn(key, EXAMPLE[section], name)

    def test_it_can_do_little(self):
        self.assertIs(self.SERVICE["read_only"], True)
        self.assertEqual(self.SERVICE["cap_drop"], ["ALL"])
        self.assertIn("no-new-privileges:true", self.SERVICE["security_opt"])
        self.assertIn("mem_limit", self.SERVICE)
        self.assertNotIn("privileged", self.SERVICE)

    def test_there_is_time_to_drain(self):
        drain = self.SERVICE["environment"]["ORIEL__SERVER__DRAIN_TIMEOUT"]
        self.assertEqual(self.SERVICE["stop_grace_period"], f"{drain + GOODBYES}s")

    def test_the_image_is_this_version(self):
        self.assertEqual(self.SERVICE["image"], f"oriel:{VERSION}")


class Unit(unittest.TestCase):
    PATH = ROOT / "packaging/oriel.service"
    TEXT = PATH.read_text()

    def test_it_is_hardened(self):
        # Exits with a status where the exposure is above 3.0.
        run("systemd-analyze", "security", "--offline=true", "--threshold=30", str(self.PATH))

    def test_it_makes_sense_to_systemd(self):
        with tempfile.TemporaryDirectory() as folder:
            # It looks for the program.
            unit = Path(folder) / "oriel.service"
            unit.write_text(self.TEXT.replace("/usr/bin/oriel", "/bin/true"))
            said = subprocess.run(
                ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=120
            )
            about = [line for line in said.stderr.splitlines() if "oriel.service" in line]
            self.assertEqual(about, [])

    def test_there_is_time_to_drain(self):
        given = int(re.search(r"^TimeoutStopSec=(\d+)$", self.TEXT, re.M).group(1))
        self.assertEqual(given, EXAMPLE["server"]["drain_timeout"] + GOODBYES)


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.binary = Path(os.environ["BINARY"]).resolve()
        cls.path = run(str(ROOT / "scripts/deb"), str(cls.binary), cls.folder.name).strip()
        cls.root = Path(cls.folder.name) / "root"
        run("dpkg-deb", "--extract", cls.path, str(cls.root))
        cls.control = Path(cls.folder.name) / "control"
        run("dpkg-deb", "--control", cls.path, str(cls.control))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_what_is_in_it(self):
        lines = run("dpkg-deb", "--contents", self.path).splitlines()
        files = {}
        for line in lines:
            mode, owner, _, _, _, path = line.split(maxsplit=5)
            self.assertEqual(owner, "root/root", line)
            if not path.endswith("/"):
                files[path.removeprefix(".")] = mode
        self.assertEqual(
            files,
            {
                "/etc/oriel/oriel.toml": "-rw-r-----",
                "/lib/systemd/system/oriel.service": "-rw-r--r--",
                "/usr/bin/oriel": "-rwxr-xr-x",
                "/usr/lib/sysctl.d/60-oriel.conf": "-rw-r--r--",
                "/usr/lib/sysusers.d/oriel.conf": "-rw-r--r--",
                "/usr/share/doc/oriel/config.example.toml": "-rw-r--r--",
                "/usr/share/doc/oriel/copyright": "-rw-r--r--",
                "/usr/share/doc/oriel/operations.md": "-rw-r--r--",
            },
        )

    def test_the_fields(self):
        field = lambda name: run("dpkg-deb", "--field", self.path, name).strip()
        self.assertEqual(field("Package"), "oriel")
        self.assertEqual(field("Version"), VERSION)
        self.assertEqual(field("Architecture"), run("dpkg", "--print-architecture").strip())
        self.assertRegex(field("Depends"), r"^libc6 \(>= 2\.\d+\), libgcc-s1, systemd$")

    def test_the_program_runs_with_the_configuration_that_is_installed(self):
        installed = self.root / "etc/oriel/oriel.toml"
        program = self.root / "usr/bin/oriel"
        printed = tomllib.loads(run(str(program), "config", "--config", str(installed), env={}))
        self.assertEqual(printed["server"]["bind"], EXAMPLE["server"]["bind"])
        self.assertEqual(printed["server"]["state_dir"], "/var/lib/oriel")
        # What is commented out is a configuration as well.
        suggested = re.sub(r"^#(?=[\[a-z])", "", installed.read_text(), flags=re.M)
        suggested = suggested.replace("…", "x" * 32)
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write(suggested)
            file.flush()
            printed = tomllib.loads(run(str(program), "config", "--config", file.name, env={}))
        self.assertEqual(printed["server"]["http_port"], 443)
        self.assertEqual(printed["turn"]["tls_port"], 0)

    def test_the_unit_names_what_is_installed(self):
        unit = (self.root / "lib/systemd/system/oriel.service").read_text()
        program, _, config = re.search(r"^ExecStart=(\S+) (\S+) (\S+)$", unit, re.M).groups()
        documentation = re.search(r"^Documentation=file://(\S+)$", unit, re.M).group(1)
        for path in (program, config, documentation):
            self.assertTrue((self.root / path.lstrip("/")).exists(), path)

    def test_scripts_and_lists(self):
        for name in ("postinst", "prerm", "postrm"):
            script = self.control / name
            self.assertTrue(script.stat().st_mode & stat.S_IXUSR, name)
            run("sh", "-n", str(script))
        self.assertEqual((self.control / "conffiles").read_text(), "/etc/oriel/oriel.toml\n")
        run("md5sum", "--check", "--quiet", str(self.control / "md5sums"), cwd=self.root)

    def test_the_same_input_gives_the_same_package(self):
        with tempfile.TemporaryDirectory() as other:
            again = run(str(ROOT / "scripts/deb"), str(self.binary), other).strip()
            self.assertEqual(Path(again).read_bytes(), Path(self.path).read_bytes())


if __name__ == "__main__":
    unittest.main()
