"""Malicious job directories: variations of sound ones, each made to be refused or not believed for one reason.

What every case must come to stands in the table of docs/threat_model.md, by the case's name."""
import functools
import hashlib
import io
import json
import os
import pathlib
import re
import socket
import struct
import tarfile

TIB = 1 << 40
NOBODY = 65534
CASES = {}


class Unfit(Exception):
    """This user cannot make the case."""


def case(job, *commands):
    """A function that spoils a job: "done" (with results), "stopped" (a worker died after some), "held" (none began) or "capsule"."""
    def keep(spoil):
        CASES[spoil.__name__.replace("_", "-")] = (job, commands, spoil)
        return spoil
    return keep


LOOK = ("show", "results", "report", "verify", "attach", "resume")
RUN = ("resume", "worker")


class Job:
    """A job directory that is about to be spoilt. `outside`: a folder beside it that nothing may lead to."""

    def __init__(self, path, outside):
        self.path, self.outside = pathlib.Path(path), pathlib.Path(outside)
        self.digest = hashlib.sha256((self.path / "MANIFEST").read_bytes()).hexdigest() if self.path.is_dir() else ""

    def one(self, pattern):
        """The first file of a pattern, in order."""
        return sorted(self.path.glob(pattern))[0]

    def manifest(self):
        return json.loads((self.path / "MANIFEST").read_text())

    def voucher(self):
        return self.one("host/manifest.*")

    def write_manifest(self, text, vouched=True):
        """With a voucher that fits, unless it is to be found out by that."""
        path = self.path / "MANIFEST"
        path.unlink()
        path.write_text(text)
        if vouched:
            voucher = self.voucher()
            voucher.rename(voucher.with_name("manifest." + hashlib.sha256(path.read_bytes()).hexdigest()))

    def edit(self, vouched=True, **fields):
        document = self.manifest()
        for name, value in fields.items():
            document[name] = value
        self.write_manifest(json.dumps(document), vouched)

    def blob(self):
        return self.path / "blob" / self.manifest()["plugin"]["sha256"]

    def worker_identity(self):
        """Not the host's, which has one, too."""
        return next(path for path in self.path.glob("workers/*/*.0.id") if json.loads(path.read_text())["role"] == "worker")

    def log(self):
        """The log that holds results: the first lane's."""
        return self.one("logs/*/*.0.0")

    def link_outside(self, path):
        """What the path was lies outside, and a symbolic link in its place leads there."""
        target = self.outside / path.name
        if path.exists():
            path.rename(target)
        elif not target.exists():
            target.write_bytes(b"untouched\n")
        path.symlink_to(target)


def replace(path):
    if path.is_dir() and not path.is_symlink():
        path.rename(path.with_name("moved"))
    elif path.exists():
        path.unlink()
    return path


def fifo(path):
    os.mkfifo(replace(path))


def sparse(path, size=TIB):
    replace(path)
    with open(path, "wb") as file:
        file.truncate(size)


def device(path):
    try:
        os.mknod(replace(path), 0o20600, os.makedev(1, 5))  # /dev/zero
    except PermissionError as error:
        raise Unfit from error


def give_away(path):
    try:
        os.chown(path, NOBODY, NOBODY)
    except PermissionError as error:
        raise Unfit from error


@functools.cache
def crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


def crc32c(data, seed=0):
    crc = seed ^ 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ crc_table()[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def sealed(fields):
    """A line of JSON with a checksum that fits."""
    text = json.dumps(fields)[:-1]
    return f'{text},"crc32c":"{crc32c(text.encode()):08x}"}}\n'


def frame(log, length, first, count, kind=1, payload=b""):
    """A frame at the end of a log, whose header is sound."""
    data = log.read_bytes()
    seed = struct.unpack_from("<I", data, 60)[0]
    body = struct.pack("<QQQQQHHIQ", len(data), length, first, count, 1, kind, 1, crc32c(payload, seed), 1)
    log.write_bytes(data + struct.pack("<II", 0x4652484A, crc32c(body, seed)) + body + payload)


# MANIFEST

@case("done", *LOOK, "worker")
def manifest_symlink(job):
    job.link_outside(job.path / "MANIFEST")


@case("done", *LOOK, "worker")
def manifest_fifo(job):
    fifo(job.path / "MANIFEST")


@case("done", *LOOK, "worker")
def manifest_device(job):
    device(job.path / "MANIFEST")


@case("done", *LOOK, "worker")
def manifest_directory(job):
    replace(job.path / "MANIFEST").mkdir()


@case("done", *LOOK, "worker")
def manifest_socket(job):
    here = os.getcwd()
    os.chdir(job.path)  # a socket's name is short
    replace(pathlib.Path("MANIFEST"))
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("MANIFEST")
    os.chdir(here)


@case("done", *LOOK, "worker")
def manifest_sparse(job):
    sparse(job.path / "MANIFEST")


@case("done", *LOOK)
def manifest_empty(job):
    job.write_manifest("")


@case("done", *LOOK)
def manifest_nested(job):
    text = (job.path / "MANIFEST").read_text()
    job.write_manifest(text.replace('"inputs": {', '"inputs": {"deep": ' + "[" * 200_000 + "]" * 200_000 + ",", 1))


@case("done", *LOOK)
def manifest_wide(job):
    job.edit(**{f"member{index}": index for index in range(300)})


@case("done", *LOOK)
def manifest_twice(job):
    text = (job.path / "MANIFEST").read_text()
    job.write_manifest(text.replace('"tasks":', '"tasks": 9223372036854775808, "tasks":', 1))


@case("done", *LOOK)
def manifest_tasks(job):
    job.edit(tasks=1 << 63, claim=1 << 62)


@case("done", *LOOK)
def manifest_claims(job):
    job.edit(tasks=1 << 63)


@case("done", *LOOK)
def manifest_axis(job):
    inputs = job.manifest()["inputs"]
    inputs["packs"][0]["rows"] = inputs["axes"][0]["length"] = 1 << 63
    job.edit(inputs=inputs, tasks=1 << 63, claim=1 << 62)


@case("done", *LOOK)
def manifest_claim(job):
    job.edit(claim=0)


@case("done", *LOOK)
def manifest_blob_path(job):
    job.edit(plugin=dict(job.manifest()["plugin"], sha256="../" * 20 + "abcd"))


@case("done", *LOOK)
def manifest_blob_name(job):
    job.edit(plugin=dict(job.manifest()["plugin"], name="../../evil.so"))


@case("done", *LOOK)
def manifest_pack_path(job):
    inputs = job.manifest()["inputs"]
    inputs["packs"][0]["file"] = "inputs/../../outside/0000"
    job.edit(inputs=inputs)


@case("done", *LOOK)
def manifest_job_name(job):
    job.edit(job="\x1b[2J$(reboot)")


@case("done", *LOOK)
def manifest_output_outside(job):
    job.edit(output=dict(job.manifest()["output"], file=str(job.outside / "secret")))


@case("held", *RUN)
def manifest_output_beside(job):
    job.edit(output=dict(job.manifest()["output"], file=str(job.outside / "new.csv")))


@case("held", "resume")
def manifest_own_libc(job):
    job.edit(libraries=[dict(job.manifest()["plugin"], name="libc.so.6")])


@case("held", "worker")
def manifest_exchanged(job):
    job.edit(retries=7)


@case("done", *LOOK)
def manifest_forged(job):
    """Without its voucher."""
    job.edit(vouched=False, retries=7)


@case("done", *LOOK)
def voucher_symlink(job):
    job.link_outside(job.voucher())


@case("done", *LOOK)
def voucher_fifo(job):
    fifo(job.voucher())


@case("done", *LOOK)
def voucher_of_another_user(job):
    give_away(job.voucher())


@case("done", "verify")
def voucher_with_contents(job):
    replace(job.voucher()).write_text("{}")


@case("done", *LOOK)
def voucher_lost(job):
    """As in a job of an older version."""
    job.voucher().unlink()


@case("done", *LOOK, "worker")
def manifest_of_another_user(job):
    give_away(job.path / "MANIFEST")


@case("done", *LOOK, "worker")
def manifest_open_to_all(job):
    (job.path / "MANIFEST").chmod(0o646)


@case("done", "show")
def label_with_escapes(job):
    job.edit(label="\x1b]0;owned\x07\x1b[2J\u009b31m")


@case("held", "resume")
def environment_with_preload(job):
    context = job.manifest()["context"]
    context["environment"] = [["LD_PRELOAD", str(job.outside / "evil.so")], ["LD_DEBUG", "all"], ["GCONV_PATH", str(job.outside)]]
    job.edit(context=context)


# The directory

@case("done", *LOOK, "worker")
def job_of_another_user(job):
    give_away(job.path)


@case("done", *LOOK, "worker")
def job_open_to_all(job):
    job.path.chmod(0o707)


@case("done", *LOOK, "worker")
def store_open_to_all(job):
    job.path.parent.chmod(0o777)


@case("done", "ls")
def job_with_escapes(job):
    job.path.rename(job.path.with_name("20261126-\x1b[31m\n0000"))


# Code

@case("held", *RUN, "verify", "replay")
def blob_symlink(job):
    job.link_outside(job.blob())


@case("held", *RUN, "verify", "replay")
def blob_fifo(job):
    fifo(job.blob())


@case("held", *RUN, "verify", "replay")
def blob_changed(job):
    blob = job.blob()
    code = bytearray(blob.read_bytes())
    code[len(code) // 2] ^= 1
    replace(blob).write_bytes(code)


@case("held", *RUN, "verify", "replay")
def blob_sparse(job):
    sparse(job.blob())


@case("held", *RUN, "verify", "replay")
def blob_of_another_user(job):
    give_away(job.blob())


@case("held", *LOOK, "worker")
def blobs_symlink(job):
    job.link_outside(job.path / "blob")


@case("done", "show")
def blob_lost_when_done(job):
    fifo(job.blob())


# Inputs

@case("held", *RUN, "verify", "replay")
def pack_symlink(job):
    job.link_outside(job.path / "inputs/0000")


@case("held", *RUN, "verify", "replay")
def pack_fifo(job):
    fifo(job.path / "inputs/0000")


@case("held", *RUN, "verify", "replay")
def pack_sparse(job):
    sparse(job.path / "inputs/0000", TIB >> 5)  # ThreadSanitizer maps no more


def edit_trailer(job, offset, value):
    pack = job.path / "inputs/0000"
    data = bytearray(pack.read_bytes())
    struct.pack_into("<Q", data, len(data) - 40 + offset, value)
    replace(pack).write_bytes(data)


@case("held", *RUN, "verify", "replay")
def pack_index_outside(job):
    edit_trailer(job, 0, TIB)


@case("held", *RUN, "verify", "replay")
def pack_rows(job):
    edit_trailer(job, 16, 1 << 62)


@case("held", *RUN)
def pack_exchanged(job):
    """Sound by itself, but not what was submitted: the index is covered by a digest, not only by a checksum."""
    pack = job.path / "inputs/0000"
    data = bytearray(pack.read_bytes())
    index, segments = struct.unpack_from("<QQ", data, len(data) - 40)
    begin, length = struct.unpack_from("<QQ", data, index)
    data[begin] ^= 1
    struct.pack_into("<Q", data, index + 32, crc32c(data[begin:begin + length]))
    struct.pack_into("<Q", data, len(data) - 16, crc32c(data[index:index + 40 * segments]))
    replace(pack).write_bytes(data)


@case("held", *LOOK, "worker")
def inputs_symlink(job):
    job.link_outside(job.path / "inputs")


# Logs

@case("done", *LOOK, "worker")
def logs_symlink(job):
    job.link_outside(job.path / "logs")


@case("done", "show", "results", "verify", "resume")
def log_folder_symlink(job):
    job.link_outside(job.log().parent)


@case("done", "show", "results", "verify", "resume")
def log_symlink(job):
    job.link_outside(job.log())


@case("done", "show", "results", "verify", "resume")
def log_fifo(job):
    fifo(job.log())


@case("done", "show", "results", "verify", "resume")
def log_linked_from_another_user(job):
    theirs = job.outside / "theirs"
    job.log().rename(theirs)
    give_away(theirs)
    os.link(theirs, job.path / "logs" / theirs.name)
    (job.path / "logs" / theirs.name).rename(job.one("logs/??") / ("0" * 32 + ".0.0"))


@case("done", "results")
def log_of_another_job(job):
    log = job.log()
    data = bytearray(log.read_bytes())
    data[40] ^= 1
    struct.pack_into("<I", data, 60, crc32c(data[:60]))
    log.write_bytes(data)


@case("done", "show", "results", "verify", "resume")
def log_of_false_headers(job):
    """Wherever the search for the next frame looks, there is a magic and the right offset."""
    log = job.log()
    begin = log.stat().st_size
    with open(log, "ab") as file:
        for offset in range(begin, begin + (4 << 20), 16):
            file.write(struct.pack("<IIQ", 0x4652484A, 0, offset))


@case("done", "results")
def log_of_endless_length(job):
    frame(job.log(), (1 << 63) + 8, 0, 3)


@case("stopped", "results")
def log_of_foreign_tasks(job):
    frame(job.log(), 8, 1 << 62, 1, payload=bytes(8))


@case("stopped", "results")
def log_of_another_type(job):
    frame(job.log(), 16, 1, 1, payload=bytes(16))


@case("done", "results")
def log_without_a_name(job):
    fifo(job.log().with_name("core"))
    (job.log().parent / ("..%2f" * 5)).symlink_to(job.outside)


@case("done", "logs")
def printed_without_lines(job):
    (job.path / "printed" / ("0" * 32 + ".0.0.index")).write_bytes(bytes(1 << 20))


@case("done", "logs")
def printed_symlink(job):
    name = "0" * 32 + ".0.0"
    (job.path / "printed" / f"{name}.index").write_text("0 1 0 100 0\n")
    (job.path / "printed" / name).symlink_to(job.outside / "secret")


@case("held", "resume")
def printed_of_worker_symlink(job):
    job.link_outside(job.path / "printed/worker")


@case("held", *LOOK, "worker")
def printed_folder_symlink(job):
    job.link_outside(job.path / "printed")


# Who works

@case("stopped", "show", "resume", "worker")
def identity_fifo(job):
    path = job.worker_identity()
    fifo(path)


@case("stopped", "show")
def identity_sparse(job):
    sparse(job.worker_identity())


@case("stopped", "show", "verify", "resume", "worker")
def identity_leading_elsewhere(job):
    path = job.worker_identity()
    identity = json.loads(path.read_text())
    del identity["crc32c"]
    identity["id"] += "/../../../../outside/x"
    replace(path).write_text(sealed(identity))


@case("done", *LOOK)
def workers_folder_symlink(job):
    job.link_outside(job.one("workers/??"))


@case("stopped", "show")
def identity_of_another_user(job):
    give_away(job.worker_identity())


@case("stopped", "worker")
def heartbeat_fifo(job):
    for path in job.path.glob("workers/*/*.hb"):  # the host has one, too
        fifo(path)


@case("done", "show")
def notes_sparse(job):
    sparse(job.one("workers/??") / ("0" * 32 + ".notes"))


@case("done", "show")
def notes_fifo(job):
    fifo(job.one("workers/??") / ("0" * 32 + ".notes"))


@case("done", "show", "verify")
def notes_of_other_types(job):
    (job.one("workers/??") / ("0" * 32 + ".notes")).write_text('{"kind": [], "text": {}}\n[]\n{"task": "x"}\n{"text": "a note"}\n')


@case("done", "show", "verify")
def notes_with_a_wrong_seal(job):
    line = sealed({"kind": "global", "text": "a note"}).replace("a note", "another")
    (job.one("workers/??") / ("0" * 32 + ".notes")).write_text(line)


def refused(job, number=0):
    (job.path / "host/refusals").touch()
    return job.one("workers/??") / (f"{number:032x}" + ".refused")


def refusal(job, **fields):
    """What a worker of this machine says that refuses while nobody owns the job anew."""
    identity = json.loads(job.worker_identity().read_text())
    owners = len(list(job.path.glob("host/owner.*")))
    return {"hostname": identity["hostname"], "boot": identity["boot"], "owners": owners, "code": 4, "reason": "why"} | fields


@case("stopped", "show", "resume", "worker", "verify")
def refusal_symlink(job):
    job.link_outside(refused(job))


@case("stopped", "show", "resume", "worker", "verify")
def refusal_fifo(job):
    fifo(refused(job))


@case("stopped", "show", "resume", "worker", "verify")
def refusal_sparse(job):
    sparse(refused(job))


@case("stopped", "show", "resume", "worker", "verify")
def refusal_of_another_user(job):
    refused(job).write_text(sealed(refusal(job)))
    give_away(refused(job))


@case("stopped", "show", "resume", "worker")
def refusal_of_other_types(job):
    for number, fields in enumerate(({"hostname": []}, {"owners": -1}, {"owners": 1e300}, {"code": 1 << 63}, {"reason": None})):
        refused(job, number).write_text(sealed(refusal(job, **fields)))
    refused(job, 9).write_text("[" * 60_000)


@case("stopped", "show", "resume", "worker", "verify")
def refusal_with_a_wrong_seal(job):
    for number in range(3):
        refused(job, number).write_text(sealed(refusal(job)).replace("why", "because"))


@case("stopped", "show", "resume")
def refusal_with_escapes(job):
    refused(job).write_text(sealed(refusal(job, hostname="\x1b[2J", reason="\x1b]0;owned\x07\u009b31m")))


@case("stopped", "worker", "resume")
def refusals_of_this_machine(job):
    for number in range(3):
        refused(job, number).write_text(sealed(refusal(job)))


@case("stopped", "show", "resume", "attach", "verify")
def owner_of_impossible_epoch(job):
    (job.path / "host/owner.18446744073709551615").write_text("nobody")


@case("stopped", "show", "resume")
def owner_symlink(job):
    job.link_outside(job.one("host/owner.*"))


@case("held", *LOOK, "worker")
def claims_symlink(job):
    job.link_outside(job.path / "claims")


@case("held", "worker", "verify")
def claim_folder_symlink(job):
    job.link_outside(job.path / "claims/0")


@case("stopped", "worker")
def claim_symlink(job):
    job.link_outside(job.one("claims/*/*"))


@case("held", "resume")
def claim_of_impossible_generation(job):
    (job.path / "claims/0").mkdir()
    for index in range(4):
        (job.path / "claims/0" / f"{index}.4000000000").write_text("nobody")


@case("done", "show", "resume")
def done_symlink(job):
    job.link_outside(job.path / "DONE")


@case("done", "show", "resume")
def done_fifo(job):
    fifo(job.path / "DONE")


@case("held", "verify")
def done_lies(job):
    (job.path / "DONE").write_text(sealed({"tasks": 3, "ok": 3, "failed": 0, "finished_ns": 1}))


@case("held", "show")
def cancel_fifo(job):
    fifo(job.path / "host/cancel")


@case("held", *LOOK, "worker")
def host_symlink(job):
    job.link_outside(job.path / "host")


# Capsules

def rewrite(job, change):
    """The capsule with other members: `change` is given each member and its bytes, and yields what is there instead."""
    with tarfile.open(job.path) as archive:
        members = [(member, archive.extractfile(member).read() if member.isfile() else b"") for member in archive.getmembers()]
    job.path.unlink()
    with tarfile.open(job.path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for member, data in members:
            for changed, bytes_of_it in change(member, data):
                archive.addfile(changed, io.BytesIO(bytes_of_it) if changed.isfile() else None)


def more_members(job, **fields):
    """One more member behind CAPSULE."""
    def change(member, data):
        yield member, data
        if member.name == "CAPSULE":
            extra = tarfile.TarInfo("extra")
            for name, value in fields.items():
                setattr(extra, name, value)
            yield extra, b""
    rewrite(job, change)


@case("capsule", "replay")
def capsule_member_above(job):
    more_members(job, name="../outside/planted")


@case("capsule", "replay")
def capsule_member_absolute(job):
    more_members(job, name="/tmp/planted-by-a-capsule")


@case("capsule", "replay")
def capsule_symlink(job):
    more_members(job, type=tarfile.SYMTYPE, linkname=str(job.outside))


@case("capsule", "replay")
def capsule_hard_link(job):
    more_members(job, type=tarfile.LNKTYPE, linkname="/etc/passwd")


@case("capsule", "replay")
def capsule_fifo(job):
    more_members(job, type=tarfile.FIFOTYPE)


@case("capsule", "replay")
def capsule_twice(job):
    more_members(job, name="CAPSULE")


@case("capsule", "replay")
def capsule_cut_off(job):
    os.truncate(job.path, job.path.stat().st_size // 2 // 512 * 512)


@case("capsule", "replay")
def capsule_sparse(job):
    size = job.path.stat().st_size
    os.truncate(job.path, size // 2 // 512 * 512)
    os.truncate(job.path, TIB)


@case("capsule", "replay")
def capsule_job_above(job):
    def change(member, data):
        if member.name == "CAPSULE":
            data = re.sub(rb'"job":"[^"]*"', b'"job":"../outside"', data)
            member.size = len(data)
        yield member, data
    rewrite(job, change)


@case("capsule", "replay")
def capsule_code_changed(job):
    def change(member, data):
        if "/blob/" in member.name and member.isfile():
            data = data[:-1] + bytes([data[-1] ^ 1])
        yield member, data
    rewrite(job, change)
