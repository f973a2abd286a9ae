"""The ctypes side of the interface against the C header, field by field."""

import ctypes
import os
import shutil
import subprocess
import tempfile
import unittest

from support import ROOT

from kareus_runtime import native

STRUCTS = {
    "kareus_options": native.Options,
    "kareus_capabilities": native.Capabilities,
    "kareus_plan": native.PlanArrays,
    "kareus_record": native.Record,
    "kareus_statistics": native.Statistics,
}
CONSTANTS = {
    "KAREUS_ABI_VERSION": native.ABI_VERSION,
    "KAREUS_MODE_CONTROL": native.CONTROL,
    "KAREUS_MODE_OBSERVE": native.OBSERVE,
    "(long)KAREUS_DEFAULT_STREAM": native.DEFAULT_STREAM,
    **{f"KAREUS_BACKEND_{name.upper()}": place for place, name in enumerate(native.BACKENDS)},
    **{f"KAREUS_{name.upper()}": number for name, number in native.KINDS.items()},
}


@unittest.skipUnless(shutil.which("cc"), "needs a C compiler")
class Interface(unittest.TestCase):
    def test_layouts_and_constants_are_those_of_the_header(self):
        asked = [(f"sizeof({name})", ctypes.sizeof(kind)) for name, kind in STRUCTS.items()]
        for name, kind in STRUCTS.items():
            for field, _ in kind._fields_:
                at = getattr(kind, field)
                asked.append((f"offsetof({name}, {field})", at.offset))
                asked.append((f"sizeof((({name}*)0)->{field})", at.size))
        asked += CONSTANTS.items()
        lines = "".join(f'printf("%ld\\n", (long)({question}));' for question, _ in asked)
        with tempfile.TemporaryDirectory() as folder:
            source, program = os.path.join(folder, "ask.c"), os.path.join(folder, "ask")
            with open(source, "w", encoding="utf-8") as file:
                file.write(f'#include <stdio.h>\n#include "kareus.h"\nint main(void) {{{lines}}}\n')
            include = ROOT / "native" / "shim" / "include"
            subprocess.run(["cc", "-I", str(include), source, "-o", program], check=True)
            said = subprocess.run([program], check=True, capture_output=True, text=True).stdout
        found = [(question, int(word)) for (question, _), word in zip(asked, said.split())]
        self.assertEqual(found, asked)


if __name__ == "__main__":
    unittest.main()
