"""Makes the Autobahn test suite, which is written for Python 2, one for Python 3. Once, where it is installed.

A text in Python 2 is a row of bytes. Here it becomes a text of Latin-1, which has one character for each byte: then the
cases need no change, and `run.py` turns characters into bytes where they leave for the socket, and back.
"""

import importlib.util
import pathlib
import re
import subprocess
import sys

# What is no syntax, so that a converter does not know it: pattern, replacement, and how often it is there.
REPLACEMENTS = [
    # A class stands before its base class.
    (r"\(object, Case, \)", "(Case, )", 6),
    # Equal values need not be equal pickles any more: those remember which were one and the same.
    (r"pickle\.dumps\(obj1\) == pickle\.dumps\(obj2\)", "obj1 == obj2", 1),
    # The characters of UTF-8's bytes, surrogates among them.
    (r'chr\((\w)\)\.encode\("utf-8"\)', r'chr(\1).encode("utf-8", "surrogatepass").decode("latin-1")', 5),
    (r"from zope\.interface import implements\b", "from zope.interface import implementer", 1),
    (r"class FrameProducer:\n\n   implements\((.*)\)\n", r"@implementer(\1)\nclass FrameProducer:\n", 1),
    # Without TLS, which takes more packages.
    (r"from twisted\.internet import reactor, ssl\b", "from twisted.internet import reactor", 1),
    (r"ssl\.ClientContextFactory\(\)", "None", 1),
    # Division of whole numbers.
    (r"len\(self\.payload\) / self\.p\.autoFragmentSize", "len(self.payload) // self.p.autoFragmentSize", 1),
]


def main():
    spec = importlib.util.find_spec("autobahntestsuite")
    package = pathlib.Path(spec.submodule_search_locations[0])
    # Its first act is to import all that the suite has besides the cases, for protocols of its own.
    pathlib.Path(package, "__init__.py").write_text('version = "25.10.1"\n')
    names = ["caseset", "fuzzing", "report", "spectemplate", "util"]
    files = [*(package / f"{name}.py" for name in names), *package.glob("case/*.py")]
    for file in files:
        # With this a literal beyond ASCII is, as it was, the bytes that stand in the file.
        source = file.read_bytes()
        cookie = re.sub(rb"coding[=:]\s*utf-?8", b"coding: latin-1", source, count=1)
        file.write_bytes(cookie)
    convert = [sys.executable, "-m", "fissix", "--write", "--nobackups", "--no-diffs", *map(str, files)]
    subprocess.run(convert, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    counts = [0] * len(REPLACEMENTS)
    for file in files:
        source = file.read_bytes().decode("latin-1")
        for number, (pattern, replacement, _) in enumerate(REPLACEMENTS):
            source, count = re.subn(pattern, replacement, source)
            counts[number] += count
        file.write_bytes(source.encode("latin-1"))
    for (pattern, _, expected), count in zip(REPLACEMENTS, counts):
        if count != expected:
            sys.exit(f"oriel: {pattern} is {count} times in the suite, not {expected}: see scripts/autobahn/port.py")


if __name__ == "__main__":
    main()
