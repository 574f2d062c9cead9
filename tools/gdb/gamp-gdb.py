# SPDX-License-Identifier: BSD-3-Clause
"""gamp-gdb.py: goroutines in gdb, of a live program or of a core file.

    (gdb) source gamp-gdb.py
    (gdb) info goroutines
    * 1 running   main  main.c:30
      2 select    serve  conn.c:87  {conn}
    (gdb) goroutine 2 bt
    (gdb) goroutine 2 info locals   any command, in the goroutine's frame nearest to the library
    (gdb) goroutine all bt

It needs the library's debug information. A parked goroutine's registers lie on its own stack, where
arch_switch saved them (src/arch/switch.h); an unwinder of ours presents them as the caller of
the thread's innermost frame, so nothing in the program is written to, and a core file will do.
One that runs is seen as its thread.

Core files: let the kernel write them (GAMPTRACEBACK=crash, ulimit -c); gdb's own generate-core-file
leaves out the whole megabyte around a guard page.
"""
import os

import gdb
import gdb.unwinder

STATUS = ["idle", "runnable", "running", "syscall", "waiting", "preempted", "dead"]
IDLE, RUNNABLE, RUNNING, SYSCALL, WAITING, PREEMPTED, DEAD = range(7)
KIND_NORMAL, KIND_SYSTEM = 0, 1

# What arch_switch leaves at the saved sp, in words, and the registers' names.
SAVED = {
    "amd64": (["rip", "rbp"], "rsp"),
    "arm64": (["x29", "pc"], "sp"),
}


class Missing(gdb.GdbError):
    """The library is not there, or has no debug information."""


def static_symbol(name):
    """A variable of src/sched/g.c, whatever else in the program has its name."""
    for symbol in gdb.lookup_static_symbols(name):
        if symbol.symtab.filename.endswith("sched/g.c"):
            return symbol
    raise Missing("gamp: no debug information of the library (%s in sched/g.c)" % name)


def source_root():
    """The directory that the library's sources were compiled in."""
    return os.path.dirname(os.path.dirname(static_symbol("allgs").symtab.fullname()))


def architecture():
    name = gdb.selected_inferior().architecture().name()
    return "arm64" if "aarch64" in name else "amd64"


class Goroutine:
    def __init__(self, g):
        self.g = g
        self.goid = int(g["goid"])
        self.status = int(g["status"])
        self.kind = int(g["kind"])
        self.x = g["x"]
        self.has_stack = int(self.x) != 0

    def wait_reason(self):
        text = static_symbol("reasons").value()[int(self.g["waitreason"])]
        return text.string() if int(text) else "waiting"

    def status_text(self):
        if self.status == WAITING:
            return self.wait_reason()
        if self.status == RUNNING and self.lost_p():
            return "syscall"
        return STATUS[self.status]

    def lost_p(self):
        """Its thread has been in a call for so long that its P was taken (STOLEN_TAKEN)."""
        m = self.g["run"]["m"]
        return int(m["p"]) == 0 or int(m["stolen"]) == 2

    def name(self):
        return self.x["name"].string() if self.has_stack else ""

    def machine(self):
        """The M whose thread it occupies, or None when it is parked or queued."""
        if not self.has_stack:
            return None
        run = self.g["run"]
        if int(run["pinm"]):
            return run["pinm"]
        if self.status in (RUNNING, SYSCALL):
            return run["m"]
        return None

    def thread(self):
        m = self.machine()
        if m is None:
            return None
        tid = int(m["tid"])
        for thread in gdb.selected_inferior().threads():
            if thread.ptid[1] == tid or thread.ptid[2] == tid:
                return thread
        return None

    def start(self):
        where = self.x["start"] if self.has_stack else self.g["start"]
        return where["fn"]

    def has_run(self):
        if not self.has_stack:
            return False
        if self.machine() is not None:
            return True
        return self.saved_registers()["pc"] != int(
            gdb.parse_and_eval("(unsigned long)&arch_entry"))

    def saved_registers(self):
        """Names and values, "pc" and "sp" among them."""
        names, sp_name = SAVED[architecture()]
        word = gdb.lookup_type("unsigned long")
        sp = int(self.g["run"]["sp"])
        words = gdb.Value(sp).cast(word.pointer())
        registers = {}
        for i, name in enumerate(names):
            registers[name] = int(words[i])
        registers["pc"] = registers.get("rip", registers.get("pc"))
        registers["sp"] = registers[sp_name] = sp + len(names) * word.sizeof
        return registers


def all_goroutines(system=False):
    """In the order of their numbers."""
    found = []
    chunk = static_symbol("allgs").value()["head"]
    while int(chunk):
        records = chunk["g"]
        for i in range(int(chunk["used"])):
            g = Goroutine(records[i])
            if g.status not in (IDLE, DEAD) and g.kind <= (KIND_SYSTEM if system else KIND_NORMAL):
                found.append(g)
        chunk = chunk["next"]
    return sorted(found, key=lambda g: g.goid)


class ParkedUnwinder(gdb.unwinder.Unwinder):
    """While a goroutine is chosen, the caller of the thread's innermost frame is its context."""

    def __init__(self):
        super().__init__("gamp-goroutine")
        self.registers = None
        self.innermost = None

    def choose(self, registers):
        frame = gdb.newest_frame()
        self.innermost = (int(frame.read_register("pc")), int(frame.read_register("sp")))
        self.registers = registers
        gdb.invalidate_cached_frames()

    def drop(self):
        self.registers = None
        gdb.invalidate_cached_frames()

    def __call__(self, pending):
        if self.registers is None:
            return None
        here = (int(pending.read_register("pc")), int(pending.read_register("sp")))
        if here != self.innermost:
            return None
        info = pending.create_unwind_info(FrameId(self.registers["sp"] - 4096, here[0]))
        for name, value in self.registers.items():
            if name in ("pc", "sp") and "rip" in self.registers:
                continue
            kind = pending.read_register(name).type
            info.add_saved_register(name, gdb.Value(value).cast(kind))
        return info


class FrameId:
    """Below all of the goroutine's frames, or gdb would take the way up for a way down."""

    def __init__(self, sp, pc):
        word = gdb.lookup_type("unsigned long")
        self.sp = gdb.Value(sp).cast(word)
        self.pc = gdb.Value(pc).cast(word)


UNWINDER = ParkedUnwinder()
gdb.unwinder.register_unwinder(None, UNWINDER, replace=True)


class Inside:
    """with Inside(goroutine): its innermost frame is selected. The thread and frame that were
    selected before are again at the end."""

    def __init__(self, goroutine):
        self.goroutine = goroutine
        self.parked = goroutine.machine() is None

    def __enter__(self):
        self.thread = gdb.selected_thread()
        self.frame = gdb.selected_frame()
        if self.parked:
            gdb.newest_frame().select()
            registers = self.goroutine.saved_registers()
            UNWINDER.choose(registers)
            frame = gdb.newest_frame()
            self.skipped = 0  # the thread's frame, and what is inlined there
            while frame is not None and int(frame.read_register("sp")) != registers["sp"]:
                frame = frame.older()
                self.skipped += 1
            if frame is None:
                UNWINDER.drop()
                raise gdb.GdbError("the stack of goroutine %d cannot be read" % self.goroutine.goid)
            frame.select()
        else:
            thread = self.goroutine.thread()
            if thread is None:
                raise gdb.GdbError("the thread of goroutine %d is gone" % self.goroutine.goid)
            thread.switch()
            gdb.newest_frame().select()
        return self

    def __exit__(self, *exception):
        if self.parked:
            UNWINDER.drop()
        self.thread.switch()
        try:
            self.frame.select()
        except gdb.error:
            gdb.newest_frame().select()


def users_frame(frame):
    """The first frame from here on that is not the library's own; without one, this."""
    root = source_root() + os.sep
    innermost = frame
    while frame is not None:
        symtab = frame.find_sal().symtab
        if frame.type() == gdb.NORMAL_FRAME and symtab and not symtab.fullname().startswith(root):
            return frame
        try:
            frame = frame.older()
        except gdb.error:
            break
    return innermost


def place(frame):
    """function  file:line"""
    sal = frame.find_sal()
    text = frame.name() or "??"
    if sal.symtab is not None:
        text += "  %s:%d" % (os.path.basename(sal.symtab.filename), sal.line)
    return text


def function_name(pointer):
    block = gdb.block_for_pc(int(pointer))
    while block is not None and block.function is None:
        block = block.superblock
    return block.function.name if block is not None else "0x%x" % int(pointer)


class InfoGoroutines(gdb.Command):
    """List the goroutines: number, status, where, name. With -system the runtime's own too."""

    def __init__(self):
        super().__init__("info goroutines", gdb.COMMAND_STACK, gdb.COMPLETE_NONE)

    def invoke(self, arg, from_tty):
        current = gdb.selected_thread()
        for g in all_goroutines("-system" in arg):
            mark = "*" if g.machine() is not None and g.thread() == current else " "
            try:
                if g.has_run():
                    with Inside(g):
                        where = place(users_frame(gdb.selected_frame()))
                else:
                    where = function_name(g.start()) + "  (has not run yet)"
            except gdb.error as error:
                where = "(%s)" % error
            name = "  {%s}" % g.name() if g.name() else ""
            print("%s %d %-9s %s%s" % (mark, g.goid, g.status_text(), where, name))


def without_thread(text, skipped):
    """A backtrace less its first frames, which are the thread's and not the goroutine's."""
    lines = []
    for line in text.splitlines():
        if line.startswith("#"):
            number, rest = line[1:].split(None, 1)
            number = int(number) - skipped
            if number < 0:
                continue
            line = "#%-3d%s" % (number, rest)
        lines.append(line)
    return "\n".join(lines)


class GoroutineCommand(gdb.Command):
    """Run a command in a goroutine: goroutine NUMBER|all COMMAND. Other than for backtraces, in the
    innermost frame that is not the library's own."""

    def __init__(self):
        super().__init__("goroutine", gdb.COMMAND_STACK, gdb.COMPLETE_NONE)

    def invoke(self, arg, from_tty):
        words = arg.split(None, 1)
        if len(words) < 2:
            raise gdb.GdbError("usage: goroutine NUMBER|all COMMAND")
        goroutines = all_goroutines(True)
        if words[0] != "all":
            try:
                wanted = int(words[0])
            except ValueError:
                raise gdb.GdbError("no number of a goroutine: %s" % words[0])
            goroutines = [g for g in goroutines if g.goid == wanted]
            if not goroutines:
                raise gdb.GdbError("there is no goroutine %d" % wanted)
        for g in goroutines:
            if words[0] == "all":
                print("\nGoroutine %d (%s):" % (g.goid, g.status_text()))
            self.run(g, words[1])

    @staticmethod
    def run(g, command):
        if not g.has_run():
            print("it has not run yet; it begins at %s" % function_name(g.start()))
            return
        verb = command.split()[0]
        backtrace = len(verb) >= 2 and ("backtrace".startswith(verb) or "where".startswith(verb)
                                        or verb == "bt")
        try:
            with Inside(g) as inside:
                if backtrace and inside.parked:
                    text = gdb.execute(command, to_string=True)
                    print(without_thread(text, inside.skipped))
                    return
                if not backtrace:
                    users_frame(gdb.selected_frame()).select()
                gdb.execute(command)
        except gdb.error as error:
            raise gdb.GdbError(str(error))


InfoGoroutines()
GoroutineCommand()
