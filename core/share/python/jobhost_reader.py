"""Reads jobs of jobhost from their directories, finished or running, without jobhost itself.

    import jobhost_reader as jr
    job = jr.open("@last")                  # or a job's name, the end of one, or a path
    job.state, job.done, len(job)           # "running", 120, 1000
    for row in job.rows():
        print(row.task, row.inputs, row.result if row.ok else row.error)
    columns = job.table()                   # {"task": …, "x": …, "result": …}, arrays where NumPy is installed
    grid = job.grid()                       # of a job over a grid: grid.axes["x"], grid["result"][i, j]
    job.refresh()                           # what has been written since
    jr.open("@last", merged=True)           # with what retries of its tasks gave

This file is all there is: the standard library, and NumPy, pandas and xarray only where they are installed. The format
is docs/job_directory.md of jobhost. What a running job has not written yet is missing from rows, and never an error;
what is damaged is a `Damaged`, which names file and offset, unless the job was opened with damaged="skip".
"""
import bisect
import builtins
import collections
import ctypes
import fractions
import hashlib
import json
import math
import os
import pathlib
import re
import shutil
import struct
import subprocess
import time

try:
    import numpy
except ImportError:
    numpy = None

__all__ = ["Damaged", "Error", "Failure", "Grid", "Job", "Merged", "Row", "crc32c", "jobs", "open"]

FORMAT = 1


class Error(Exception):
    """A job that cannot be found or read."""


class Damaged(Error):
    """Bytes that no checksum vouches for, or that are not what the format says."""

    def __init__(self, path, offset, what):
        super().__init__(f"'{path}' is damaged at byte {offset}: {what}")
        self.path, self.offset, self.what = str(path), offset, what


# Checksums: CRC-32C. One table look-up per byte is slow in Python, so NumPy takes a byte of many rows at once.

def _table():
    words = []
    for word in range(256):
        for _ in range(8):
            word = word >> 1 ^ (0x82F63B78 if word & 1 else 0)
        words.append(word)
    return words


_TABLE = _table()
_WIDTH = 64             # bytes in a row
_AT_ONCE = 8 << 20      # bytes that are looked at together
_MASK32 = 0xFFFFFFFF
_moves = {}


def crc32c(data, seed=0):
    """The CRC-32C of bytes, going on from an earlier one."""
    if numpy and len(data) > 4 * _WIDTH:
        return _sums_by_rows(data, [(0, len(data))], seed)[0]
    state = seed ^ _MASK32
    for byte in data:
        state = state >> 8 ^ _TABLE[(state ^ byte) & 255]
    return state ^ _MASK32


def _crc32c_of_each(data, places, seed):
    """The checksums of many pieces of `data`: [(begin, length)]."""
    if not numpy or sum(length for _, length in places) < 16 * _WIDTH:
        return [crc32c(data[begin:begin + length], seed) for begin, length in places]
    sums, batch, total = [], [], 0
    for place in places:
        if batch and total + place[1] > _AT_ONCE:
            sums += _sums_by_rows(data, batch, seed)
            batch, total = [], 0
        batch.append(place)
        total += max(_WIDTH, place[1])
    return sums + _sums_by_rows(data, batch, seed)


def _sums_by_rows(data, places, seed):
    """Each piece fills whole rows, with zeros before its beginning: those leave a state of zero as it is. The state
    before the first byte is that of zero with its bytes added to the first four of the piece."""
    width = min(_WIDTH, max(length for _, length in places))
    ends, numbers, at = [], [], 0
    for _, length in places:
        numbers.append(-(-length // width))
        at += numbers[-1] * width
        ends.append(at)
    room, view = bytearray(at), memoryview(data)
    for (begin, length), end in zip(places, ends):
        room[end - length:end] = view[begin:begin + length]
    rows = numpy.frombuffer(room, numpy.uint8)
    long = [end - length for (_, length), end in zip(places, ends) if length >= 4]
    before = numpy.frombuffer((seed ^ _MASK32).to_bytes(4, "little"), numpy.uint8)
    rows[numpy.array(long, numpy.int64)[:, None] + numpy.arange(4)] ^= before
    states = _states_of(rows.reshape(-1, width))
    sums, groups, row = [0] * len(places), collections.defaultdict(list), 0
    for piece, number in enumerate(numbers):
        groups[(number - 1).bit_length()].append((piece, row, row + number))
        row += number
    for power, group in groups.items():
        joined = numpy.zeros((len(group), 1 << power), numpy.uint32)
        for line, (_, begin, end) in zip(joined, group):
            line[len(line) - (end - begin):] = states[begin:end]
        length = width
        while joined.shape[1] > 1:
            joined = _moved(joined[:, 0::2], length) ^ joined[:, 1::2]
            length *= 2
        for (piece, _, _), state in zip(group, joined[:, 0].tolist()):
            sums[piece] = state ^ _MASK32
    for piece, (begin, length) in enumerate(places):
        if length < 4:
            sums[piece] = crc32c(view[begin:begin + length], seed)
    return sums


def _states_of(rows):
    """Of a matrix whose rows are bytes: the state behind each, from zero."""
    table, states = numpy.array(_TABLE, numpy.uint32), numpy.zeros(len(rows), numpy.uint32)
    for column in numpy.ascontiguousarray(rows.T):
        states = states >> numpy.uint32(8) ^ table[states.astype(numpy.uint8) ^ column]
    return states


def _moved(states, zeros):
    """The states behind so many zero bytes: a linear map, kept as a table for each byte of the state."""
    if zeros not in _moves:
        step = numpy.array([1 << bit for bit in range(32)], numpy.uint32)  # what becomes of each bit
        step = step >> numpy.uint32(8) ^ numpy.array(_TABLE, numpy.uint32)[step & 255]
        matrix, left = None, zeros
        while left:
            if left & 1:
                matrix = step if matrix is None else _times(step, matrix)
            step = _times(step, step)
            left >>= 1
        bits = numpy.arange(256, dtype=numpy.uint32)
        _moves[zeros] = [_times(matrix, bits << numpy.uint32(8 * byte)) for byte in range(4)]
    moved = numpy.zeros_like(states)
    for byte, table in enumerate(_moves[zeros]):
        moved ^= table[states >> numpy.uint32(8 * byte) & numpy.uint32(255)]
    return moved


def _times(matrix, vectors):
    bits = vectors[:, None] >> numpy.arange(32, dtype=numpy.uint32) & numpy.uint32(1)
    return numpy.bitwise_xor.reduce(bits * matrix, axis=1)


# Types and values: docs/plugin_abi.md.

_INTEGERS = {"i8": "b", "i16": "h", "i32": "i", "i64": "q", "u8": "B", "u16": "H", "u32": "I", "u64": "Q"}
_SCALARS = dict(_INTEGERS, bool="?", f32="f", f64="d")


def _kind(type):
    return type if isinstance(type, str) else next(iter(type))


def _scalar(type):
    """The letter by which struct and NumPy know a number or truth value; None for anything else."""
    return _SCALARS.get(type["of"] if _kind(type) == "enum" else type if isinstance(type, str) else None)


def _size(type):
    """Bytes of every value; None when they vary."""
    kind = _kind(type)
    if _scalar(type):
        return struct.calcsize("<" + _scalar(type))
    if kind in ("void", "char", "f80"):
        return {"void": 0, "char": 1, "f80": 16}[kind]
    if kind == "array":
        return (_size(type["array"]) or 0) * type["size"] or None
    if kind in ("tuple", "struct"):
        sizes = [_size(item) for item in _items(type)]
        return sum(sizes) if sizes and all(sizes) else None  # what has parts without bytes counts as varying
    return None


def _items(type):
    return type["tuple"] if "tuple" in type else [item for _, item in type["fields"]]


def _text(data):
    """Text as it is; bytes that are no UTF-8 are kept as lone surrogates, as in os.fsdecode()."""
    return bytes(data).decode("utf-8", "surrogateescape")


def _extended(data):
    """The double next to an x87 extended number."""
    mantissa, exponent = struct.unpack("<QH", data[:10])
    sign = -1.0 if exponent & 0x8000 else 1.0
    exponent &= 0x7FFF
    if exponent == 0x7FFF:
        return sign * (math.inf if mantissa << 1 & 0xFFFFFFFFFFFFFFFF == 0 else math.nan)
    try:
        return sign * float(fractions.Fraction(mantissa) * fractions.Fraction(2) ** (exponent - 16383 - 63))
    except OverflowError:
        return sign * math.inf


class _TooShort(Exception):
    pass


def _take(data, at, size):
    if size > len(data) - at:
        raise _TooShort()
    return data[at:at + size]


def _decoder(type):
    """A function that reads one value: (data, offset) -> (value, offset behind it)."""
    kind = _kind(type)
    if _scalar(type):
        form = struct.Struct("<" + _scalar(type))
        return lambda data, at: (form.unpack_from(data, at)[0], at + form.size)
    if kind == "void":
        return lambda data, at: (None, at)
    if kind == "char":
        return lambda data, at: (_text(_take(data, at, 1)), at + 1)
    if kind == "f80":
        return lambda data, at: (_extended(_take(data, at, 16)), at + 16)

    def count(data, at):
        number = struct.unpack_from("<Q", data, at)[0]
        if number > len(data) - at - 8:  # an item has at least a byte
            raise _TooShort()
        return number

    def text(data, at):
        size = count(data, at)
        return _text(_take(data, at + 8, size)), at + 8 + size

    def several(decoders, data, at):
        values = []
        for decode in decoders:
            value, at = decode(data, at)
            values.append(value)
        return values, at

    if kind == "string":
        return text
    if kind == "json":
        def document(data, at):
            words, at = text(data, at)
            return json.loads(words), at
        return document
    if kind in ("vector", "array"):
        item, letter = _decoder(type[kind]), _scalar(type[kind])
        width = struct.calcsize("<" + letter) if letter else 0

        def list_of(number, data, at):
            if letter:
                return list(struct.unpack_from(f"<{number}{letter}", data, at)), at + number * width
            return several([item] * number, data, at)
        if kind == "array":
            return lambda data, at: list_of(type["size"], data, at)
        return lambda data, at: list_of(count(data, at), data, at + 8)
    if kind == "map":
        key, value = map(_decoder, type["map"])

        def mapping(data, at):
            flat, end = several([key, value] * count(data, at), data, at + 8)
            pairs = list(zip(flat[0::2], flat[1::2]))
            try:
                unique = dict(pairs)
            except TypeError:  # keys that are lists
                return pairs, end
            return (unique if len(unique) == len(pairs) else pairs), end
        return mapping
    if kind in ("optional", "pointer"):
        value, present = _decoder(type[kind]), kind == "pointer"
        return lambda data, at: value(data, at + 1) if bool(_take(data, at, 1)[0]) == present else (None, at + 1)
    if kind == "variant":
        alternatives = [_decoder(item) for item in type["variant"]]

        def variant(data, at):
            index = struct.unpack_from("<i", data, at)[0]
            if not 0 <= index < len(alternatives):
                raise _TooShort()
            return alternatives[index](data, at + 4)
        return variant
    if kind == "tuple":
        decoders = [_decoder(item) for item in type["tuple"]]

        def tuple_of(data, at):
            values, at = several(decoders, data, at)
            return tuple(values), at
        return tuple_of
    if kind == "struct":
        names, decoders = [name for name, _ in type["fields"]], [_decoder(item) for item in _items(type)]

        def record(data, at):
            values, at = several(decoders, data, at)
            return dict(zip(names, values)), at
        return record
    raise Error(f"values of type {json.dumps(type)} are not known to this reader; take that of a newer jobhost")


def _dtype(type):
    """What NumPy calls a number, or an array of them of fixed size; None for anything else."""
    kind = _kind(type)
    if _scalar(type):
        return numpy.dtype("<" + _scalar(type))
    if kind == "f80":
        return numpy.dtype("<f16")
    if kind == "array" and _dtype(type["array"]) is not None:
        return numpy.dtype((_dtype(type["array"]), (type["size"],)))
    return None


def _leaves(type, name):
    """The columns of a value: [(name, type, fields to follow)]; structs are one for each field."""
    if _kind(type) != "struct":
        return [] if type == "void" else [(name, type, ())]
    return [(leaf, kind, (field, *path)) for field, item in type["fields"]
            for leaf, kind, path in _leaves(item, f"{name}.{field}")]


def _packed(type):
    """How values of a fixed size lie side by side."""
    if _kind(type) == "struct":
        return numpy.dtype([(name, _packed(item)) for name, item in type["fields"]])
    known = _dtype(type)
    return numpy.dtype(f"V{_size(type)}") if known is None else known


def _column(type, values):
    """Values as an array where NumPy is installed: of numbers where they are numbers, else of objects."""
    if not numpy:
        return values
    known = _dtype(type)
    if known is not None:
        nothing = numpy.zeros((), known)
        if known.base.kind == "f":
            nothing = numpy.full(nothing.shape, numpy.nan, known.base)
        numbers = [nothing if value is None else value for value in values]
        return numpy.array(numbers, known.base).reshape(-1, *known.shape)
    column = numpy.empty(len(values), object)
    numbers = _dtype(type["vector"]) if _kind(type) == "vector" else None
    for i, value in enumerate(values):
        column[i] = value if numbers is None or value is None else numpy.array(value, numbers.base)
    return column


# Inputs: a recipe. Each source knows a parameter's value for a task.

class _Source:
    def __init__(self, job, json, axis, kind, type):
        self.parameter, self.axis, self.kind, self.type, self.job = json["parameter"], axis, kind, type, job
        self.about, self.common = json[kind], json.get("common", False)
        if kind == "constant":
            self.constant = job._decode(_decoder(type), bytes.fromhex(self.about), job.path / "MANIFEST", 0)
        if kind in ("integers", "seeds"):
            self.letter = _scalar(type)
            self.bits = 8 * _size(type)

    def at(self, task):
        """The value for a task."""
        return self.at_position(self.job._position(self.axis, task), task)

    def at_position(self, k, task=None):
        about = self.about
        if self.kind == "constant":
            return self.constant
        if self.kind == "integers":
            return self._integer(about["start"] + k * about["step"])
        if self.kind == "seeds":
            value = _philox(task, about["key"]) & (1 << self.bits) - 1
            return value & (1 << self.bits - 1) - 1 if self.letter.islower() else value
        if self.kind == "stored":
            return self.job._pack(about["pack"]).value(about["column"], k, self.type)
        if self.kind == "floats" and self.type == "f80":
            return float(fractions.Fraction(about["start"]) + k * fractions.Fraction(about["step"]))
        if self.kind == "decimals":
            value = (about["start"] + k * about["step"]) / 10 ** about["places"]
        else:
            value = about["start"] + k * about["step"] if self.kind == "floats" else self._point(k)
        return ctypes.c_float(value).value if self.type == "f32" else value

    def _integer(self, value):
        value &= (1 << self.bits) - 1
        return value - (1 << self.bits) if self.letter.islower() and value >> self.bits - 1 else value

    def _point(self, k):
        first, last, count = (self.about[name] for name in ("first", "last", "count"))
        if k > 0 and k + 1 == count:
            return last
        return first + k * ((last - first) / (count - 1) if count > 1 else 0.0)

    def column(self, tasks):
        """The values for an array of tasks."""
        if _dtype(self.type) is None or self.kind == "constant" and _dtype(self.type).shape:
            return _column(self.type, [self.at(task) for task in tasks.tolist()])
        if self.kind == "constant":
            return numpy.full(len(tasks), self.constant, _dtype(self.type))
        if self.kind == "seeds":
            values = _philox_of_each(tasks.astype(numpy.uint64), self.about["key"]) & numpy.uint64((1 << self.bits) - 1)
            if self.letter.islower():
                values &= numpy.uint64((1 << self.bits - 1) - 1)
            return values.astype("<" + self.letter)
        repeat, length = self.job._repeats[self.axis], self.job._axes[self.axis]["length"]
        return self.positions(tasks // repeat % length)

    def positions(self, k):
        """The values at an array of positions of the axis."""
        about = self.about
        if self.kind == "stored":
            return self.job._pack(about["pack"]).column(about["column"], self.type)[k]
        k = k.astype(numpy.uint64)
        if self.kind == "integers":
            values = numpy.uint64(about["start"]) + k * numpy.uint64(about["step"])
            return values.astype(f"<u{self.bits // 8}").view("<" + self.letter)
        wide = numpy.longdouble if self.type == "f80" and self.kind != "linspace" else numpy.float64
        if self.kind == "decimals":
            values = (about["start"] + k.astype(wide) * about["step"]) / wide(10.0 ** about["places"])
        elif self.kind == "floats":
            values = wide(about["start"]) + k.astype(wide) * wide(about["step"])
        else:
            first, last, count = about["first"], about["last"], about["count"]
            values = first + k.astype(wide) * ((last - first) / (count - 1) if count > 1 else 0.0)
            values[(k > 0) & (k + numpy.uint64(1) == numpy.uint64(count))] = last
        with numpy.errstate(over="ignore"):
            return values.astype(_dtype(self.type))


_MULTIPLIERS = 0xD2E7470EE14C6C93, 0xCA5A826395121157
_WEYL = 0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B
_MASK = 0xFFFFFFFFFFFFFFFF


def _philox(counter, key):
    """The first word of Philox4x64-10 (Salmon and others, 2011) with counter {counter, 0, 0, 0} and key {key, 0}."""
    c, k = (counter, 0, 0, 0), (key, 0)
    for _ in range(10):
        low, high = c[0] * _MULTIPLIERS[0], c[2] * _MULTIPLIERS[1]
        c = (high >> 64 ^ c[1] ^ k[0], high & _MASK, low >> 64 ^ c[3] ^ k[1], low & _MASK)
        k = ((k[0] + _WEYL[0]) & _MASK, (k[1] + _WEYL[1]) & _MASK)
    return c[0]


def _philox_of_each(counters, key):
    zero, half, low32 = numpy.zeros_like(counters), numpy.uint64(32), numpy.uint64(0xFFFFFFFF)

    def high_word(a, b):
        b = int(b)
        b0, b1, a0, a1 = numpy.uint64(b & 0xFFFFFFFF), numpy.uint64(b >> 32), a & low32, a >> half
        middle = a1 * b0 + (a0 * b0 >> half)
        return a1 * b1 + (middle >> half) + (a0 * b1 + (middle & low32) >> half)

    c, k = (counters, zero, zero, zero), (key, 0)
    for _ in range(10):
        words = [(high_word(c[2 * i], _MULTIPLIERS[i]), c[2 * i] * numpy.uint64(_MULTIPLIERS[i])) for i in range(2)]
        c = (words[1][0] ^ c[1] ^ numpy.uint64(k[0]), words[1][1], words[0][0] ^ c[3] ^ numpy.uint64(k[1]), words[0][1])
        k = ((k[0] + _WEYL[0]) & _MASK, (k[1] + _WEYL[1]) & _MASK)
    return c[0]


_PACK_MAGIC = b"JPACK1\r\n"
_ENTRY = struct.Struct("<QQQQQ")


class _Pack:
    """A file of stored inputs. A segment's checksum is compared before its first value is used."""

    def __init__(self, path, about, types):
        self.path, self.types = path, types
        try:
            self.data = path.read_bytes()
        except OSError as error:
            raise Damaged(path, 0, f"inputs cannot be read: {error.strerror}") from error
        trailer = len(self.data) - 40
        if trailer < 16 or self.data[:8] != _PACK_MAGIC or self.data[-8:] != _PACK_MAGIC:
            raise Damaged(path, 0, "it is no pack of inputs")
        index, segments, rows, checksum = struct.unpack_from("<QQQQ", self.data, trailer)
        if struct.unpack_from("<Q", self.data, 8)[0] != len(types) or index + 40 * segments != trailer:
            raise Damaged(path, trailer, "its index is out of place")
        if rows != about["rows"] or crc32c(self.data[index:trailer]) != checksum or \
                hashlib.sha256(self.data[index:trailer]).hexdigest() != about["index_sha256"]:
            raise Damaged(path, index, "wrong checksum of the index")
        self.entries = list(_ENTRY.iter_unpack(self.data[index:trailer]))
        self.firsts = [entry[2] for entry in self.entries]
        self.segments, self.columns = {}, {}

    def segment(self, number):
        """Of each column: where its offsets begin, or None where values are of one size, and where its values begin."""
        if number not in self.segments:
            begin, length, first, rows, checksum = self.entries[number]
            if length > len(self.data) - begin or crc32c(self.data[begin:begin + length]) != checksum:
                raise Damaged(self.path, begin, f"rows from {first} on have a wrong checksum")
            places, at = [], begin
            for type in self.types:
                if _size(type) is not None:
                    places.append((None, at))
                    used = rows * _size(type)
                else:
                    places.append((at, at + 8 * (rows + 1)))
                    used = 8 * (rows + 1) + struct.unpack_from("<Q", self.data, at + 8 * rows)[0]
                at += used + 7 & ~7
            self.segments[number] = places
        return self.segments[number]

    def value(self, column, row, type):
        number = bisect.bisect_right(self.firsts, row) - 1
        if number < 0 or row >= self.firsts[number] + self.entries[number][3]:
            raise Damaged(self.path, 0, f"row {row} is missing")
        offsets, begin = self.segment(number)[column]
        row -= self.firsts[number]
        if offsets is None:
            at = begin + row * _size(type)
        else:
            at = begin + struct.unpack_from("<Q", self.data, offsets + 8 * row)[0]
        try:
            return _decoder(type)(self.data, at)[0]
        except (_TooShort, struct.error) as error:
            raise Damaged(self.path, at, "a value ends too early") from error

    def column(self, column, type):
        if column not in self.columns:
            known, parts = _dtype(type), []
            for number, (_, _, first, rows, _) in enumerate(self.entries):
                _, begin = self.segment(number)[column]
                parts.append(numpy.frombuffer(self.data, known, rows, begin))
            self.columns[column] = numpy.concatenate(parts) if parts else numpy.empty(0, known)
        return self.columns[column]


# Result logs.

_LOG_MAGIC = b"JHLOG1\r\n"
_FRAME = struct.Struct("<4sIQQQQQHHIQ")
_FRAME_MAGIC = b"JHRF"
_RESULTS, _FAILURE, _MODULES = 1, 2, 4
_FARTHEST = 256 << 20
_BLOCK = 64 << 20

_Frame = collections.namedtuple("_Frame", "log offset length first count nanoseconds kind attempt started")


class _Log:
    """One log, read on from where it ended last time."""

    def __init__(self, job, path):
        self.job, self.path, self.manifest, self.verify = job, path, job._digest, job._verify
        self.position, self.seed = 0, 0
        self.gaps = []     # (begin, end, what was lost there)
        self.behind = None  # what stands behind the last frame, if that is damage
        self.modules = []  # of frames: (offset, payload's offset, payload's length)

    def read(self, offset, size):
        with builtins.open(self.path, "rb", buffering=0) as file:
            file.seek(offset)
            parts, left = [], size
            while left > 0 and (part := file.read(left)):
                parts.append(part)
                left -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def payload(self, frame):
        data = self.read(frame.offset + 64, frame.length)
        if len(data) < frame.length:
            raise Damaged(self.path, frame.offset, "it became shorter while it was read")
        return data

    def new_frames(self):
        """Frames that have become whole since the last call."""
        try:
            size = os.stat(self.path).st_size
            if self.position == 0 and not self._read_header(size):
                return
            for gap in list(self.gaps):  # a file system may show bytes late
                yield from self._late(gap)
            while self.position < size:
                begin = self.position
                yield from self._walk(size)
                if self.position == begin:
                    break
        except FileNotFoundError:
            return

    def _read_header(self, size):
        header = bytearray(self.read(0, 64))
        self.behind = (0, "no header of a log of this job") if any(header) and len(header) == 64 else None
        bit = 0
        while len(header) == 64:
            if header[:8] == _LOG_MAGIC and struct.unpack_from("<I", header, 8)[0] == FORMAT and \
                    header[40:56] == self.manifest and struct.unpack_from("<I", header, 60)[0] == crc32c(header[:60]):
                self.seed, self.position, self.behind = crc32c(header[:60]), 64, None
                return True
            if bit > 0:
                header[bit - 1 >> 3] ^= 1 << (bit - 1 & 7)
            if bit == 512:
                return False
            header[bit >> 3] ^= 1 << (bit & 7)  # one wrong bit can be put right
            bit += 1
        return False

    def _late(self, gap):
        begin, end, what = gap
        data = self.read(begin, end - begin)
        frames, _ = self._frames_in(data, begin, len(data), 0)
        if frames:
            self.gaps.remove(gap)
            yield from frames

    def _walk(self, size):
        data = self.read(self.position, min(size - self.position, _BLOCK))
        frames, used = self._frames_in(data, self.position, size, len(self.gaps))
        if used == 0 and len(data) < size - self.position and (needed := self._length_of(data)):
            # One frame that is larger than a block.
            data = self.read(self.position, min(size - self.position, needed))
            frames, used = self._frames_in(data, self.position, size, len(self.gaps))
        self.position += used
        yield from frames

    def _length_of(self, data):
        frame = self._header(data, 0, self.position)
        return frame and 64 + (frame[3] + 7 & ~7)

    def _header(self, data, at, place):
        """The fields of a header at a place of the file, if a good one stands there."""
        if at + 64 > len(data):
            return None
        fields = _FRAME.unpack_from(data, at)
        good = fields[0] == _FRAME_MAGIC and fields[2] == place and fields[1] == crc32c(data[at + 8:at + 64], self.seed)
        return fields if good else None

    def _frames_in(self, data, begin, size, gaps):
        """Whole frames among bytes of the file that begin at `begin`, and how many of the bytes are done with."""
        frames, at = [], 0
        self.behind = None
        while True:
            at = self._run(data, begin, at, frames)
            left = len(data) - at
            if left < 64 or self._header(data, at, begin + at):
                return frames, at  # it is being written, was cut off, or ends in the next block
            found = self._next_header(data, begin, at + 8)
            if found is None:
                if begin + len(data) == size and any(memoryview(data)[at:at + _FARTHEST]):
                    self.behind = (begin + at, "no record of this job, and no beginning of one")
                return frames, at
            self._add_gap(begin + at, begin + found, f"{found - at} bytes without a valid header: a record is lost")
            at = found

    def _add_gap(self, begin, end, what):
        if not any(gap[0] == begin for gap in self.gaps):
            self.gaps.append((begin, end, what))

    def _next_header(self, data, begin, at):
        end = min(len(data), at + _FARTHEST)
        while (at := data.find(_FRAME_MAGIC, at, end)) >= 0:
            if (begin + at) % 8 == 0 and self._header(data, at, begin + at):
                return at
            at += 1
        return None

    def _run(self, data, begin, at, frames):
        """Adds frames that stand one behind the other, and returns where the first one does not count."""
        found, size, unpack = [], len(data), _FRAME.unpack_from
        while at + 64 <= size:
            fields = unpack(data, at)
            end = at + 64 + (fields[3] + 7 & ~7)
            if fields[0] != _FRAME_MAGIC or fields[2] != begin + at or end > size:
                break
            found.append((at, fields))
            at = end
        sums = _crc32c_of_each(data, [(at + 8, 56) for at, _ in found], self.seed)
        wrong = next((i for i, (_, fields) in enumerate(found) if sums[i] != fields[1]), None)
        if wrong is not None:  # lengths behind it cannot be believed
            at = found[wrong][0]
            del found[wrong:]
        lost = self._wrong_payloads(data, found) if self.verify else ()
        for number, (place, fields) in enumerate(found):
            _, _, offset, length, first, count, nanoseconds, kind, attempt, _, started = fields
            if number in lost:
                self._add_gap(offset, offset + 64 + (length + 7 & ~7),
                              f"wrong checksum of a record of tasks {first} to {first + count - 1}")
            elif kind == _MODULES:
                self.modules.append((offset, offset + 64, length))
            elif kind in (_RESULTS, _FAILURE):
                frames.append(_Frame(self, offset, length, first, count, nanoseconds, kind, attempt, started))
        return at

    def _wrong_payloads(self, data, found):
        """Numbers of the frames whose payload does not match its checksum, or whose padding is not zero."""
        wrong = set()
        sums = _crc32c_of_each(data, [(at + 64, fields[3]) for at, fields in found], self.seed)
        for number, (at, fields) in enumerate(found):
            behind = at + 64 + fields[3]
            if sums[number] != fields[9] or any(data[behind:behind + (-fields[3] & 7)]):
                wrong.add(number)
        return wrong


# Failures.

class Failure:
    """Why a task failed. `kind`: exception, crash, timeout or lost."""
    KINDS = {1: "exception", 2: "crash", 3: "timeout", 4: "lost"}

    def __init__(self, job, frame, data):
        at = 5
        kind, signal = struct.unpack_from("<Bi", data, 0)
        if kind not in self.KINDS:
            raise _TooShort()

        def number():
            nonlocal at
            at += 8
            return struct.unpack_from("<Q", data, at - 8)[0]

        def text():
            nonlocal at
            size = number()
            at += size
            return _take(data, at - size, size)

        thrown = [(_text(text()), _text(text()), text()) for _ in range(number())]
        self._stack = [struct.unpack_from("<IQ", data, at + 12 * i) for i in range(number())]
        self._job, self._frame = job, frame
        self.kind, self.signal = self.KINDS[kind], signal or None
        self.type = _demangled(thrown[0][0]) if thrown else ""
        self.what = thrown[0][1] if thrown else ""
        self.causes = [(_demangled(type), what) for type, what, _ in thrown[1:]]  # outermost first

    @property
    def stack(self):
        """The calls, innermost first: (file, offset in it)."""
        modules = self._job._modules_of(self._frame)
        return [(modules[module], offset) for module, offset in self._stack if module < len(modules)]

    @property
    def where(self):
        """"f at pi.cpp:12", the innermost call in the user's own code; "" where that is not known, or there is no
        addr2line (of Debian's binutils), which is asked. Some versions of it name a wrong file of the same source."""
        for module, offset in self.stack:
            for function, file, line in self._job._lines_at(module, offset):
                if "jobhost::sdk" not in function and "jobhost_kernel_" not in function and \
                        not file.startswith("/usr/include/"):
                    return f"{_short(function)} at {os.path.basename(file)}:{line}"
        return ""

    def __str__(self):
        text = " ".join(word for word in (self.kind, self.type) if word)
        return text + (f": {self.what}" if self.what and self.what != self.type else "")

    def __repr__(self):
        return f"<Failure {self}>"


_names = {}


def _demangled(type):
    """A type's name as people write it; where there is no C++ runtime, as it is."""
    if type not in _names:
        name = type
        try:
            library = ctypes.CDLL("libstdc++.so.6")
            library.__cxa_demangle.restype = ctypes.c_void_p
            status = ctypes.c_int()
            found = library.__cxa_demangle(os.fsencode(type), None, None, ctypes.byref(status))
            if found:
                name = ctypes.string_at(found).decode()
                ctypes.CDLL(None).free(ctypes.c_void_p(found))
        except (OSError, AttributeError):
            pass
        nested = re.fullmatch(r"std::_Nested_exception<(.*)>", name)
        _names[type] = nested.group(1) if nested else name
    return _names[type]


def _short(function):
    """"ns::f(int, double)" -> "ns::f"."""
    depth = 0
    for i, letter in enumerate(function):
        depth += (letter == "<") - (letter == ">")
        if letter == "(" and depth == 0 and i > 0 and not function[:i].endswith("operator") and \
                not function.startswith("(anonymous namespace)", i):
            return function[:i]
    return function


# Jobs.

class Row:
    """What is known of one task: `inputs` by parameter, and `result`, or `error` where it failed."""
    __slots__ = ("task", "inputs", "result", "error", "seconds", "attempt")

    def __init__(self, task, inputs, result, error, seconds, attempt):
        self.task, self.inputs, self.result = task, inputs, result
        self.error, self.seconds, self.attempt = error, seconds, attempt

    @property
    def ok(self):
        return self.error is None

    def __repr__(self):
        outcome = f"result={self.result!r}" if self.ok else f"error={str(self.error)!r}"
        return f"<Row {self.task}: {self.inputs} {outcome}>"


class Grid:
    """Results by the axes of the job's inputs. `axes`: positions along each, by the parameter's name; `along`: further
    parameters that change along one of them, by name: (axis, values); `fixed`: parameters that have one value;
    `status`: 0 where a task succeeded, 1 where it failed, -1 where it has not been computed."""

    def __init__(self, axes, along, fixed, columns, status):
        self.axes, self.along, self.fixed, self.columns, self.status = axes, along, fixed, columns, status

    def __getitem__(self, column):
        return self.columns[column]

    @property
    def shape(self):
        return tuple(len(values) for values in self.axes.values())

    def to_xarray(self):
        """As an xarray.Dataset whose coordinates are the axes. Results that are arrays have further dimensions, for
        their elements: `result_0`, `result_1`. Those of different lengths are lists."""
        import xarray
        dims, variables = tuple(self.axes), {}
        for name, values in self.columns.items():
            inner = tuple(f"{name}_{number}" for number in range(values.ndim - len(dims)))
            variables[name] = (dims + inner, _with_lists(values))
        if "status" not in self.axes.keys() | self.along.keys() | self.columns.keys():
            variables["status"] = (dims, self.status)
        coordinates = {name: (name, values) for name, values in self.axes.items()}
        coordinates.update(self.along)
        fixed = {name: value for name, value in self.fixed.items() if isinstance(value, (int, float, str))}
        return xarray.Dataset(variables, coordinates, fixed)


class Job:
    """A job directory. `verify`: whether checksums of results are compared, too; those of their headers always are."""

    def __init__(self, path, verify=True, damaged="raise"):
        if damaged not in ("raise", "skip"):
            raise ValueError('damaged is "raise" or "skip"')
        self.path, self._verify, self._raise = pathlib.Path(path), verify, damaged == "raise"
        manifest = self.path / "MANIFEST"
        try:
            text = manifest.read_bytes()
        except OSError as error:
            raise Error(f"'{self.path}' is not a job directory: {error.strerror}: MANIFEST") from error
        digest = hashlib.sha256(text).hexdigest()
        names = [path.name for path in (self.path / "host").glob("manifest.*")]
        if names and f"manifest.{digest}" not in names:
            raise Damaged(manifest, 0, "it does not match its digest")
        try:
            self.manifest = json.loads(text)
            if self.manifest["format"] != FORMAT:
                raise Error(f"'{manifest}' is of format {self.manifest['format']}, this reader knows format {FORMAT}")
            kernel = self.manifest["kernel"]
            self.name, self.label, self.tasks = self.manifest["job"], self.manifest["label"], self.manifest["tasks"]
            self.kernel, self.signature = kernel["name"], kernel["signature"]
            self._own, self._result = kernel.get("own", 0), kernel["result"]
            self._types = [parameter["type"] for parameter in kernel["params"]]
            self._axes = self.manifest["inputs"]["axes"]
        except (ValueError, KeyError, TypeError) as error:
            raise Damaged(manifest, 0, f"it is not what a MANIFEST is: {error!r}") from error
        self._digest = bytes.fromhex(digest[:32])
        self._packs, self._logs, self._lines = {}, {}, {}
        self._repeats = [1] * len(self._axes)
        for axis in range(len(self._axes) - 1, 0, -1):
            self._repeats[axis - 1] = self._repeats[axis] * self._axes[axis]["length"]
        kinds = ("constant", "integers", "floats", "decimals", "linspace", "seeds", "stored")
        sources = {}
        for number, axis in enumerate(self._axes):
            for source in axis["sources"]:
                kind = next((kind for kind in kinds if kind in source), None)
                if kind is None or not 0 <= source["parameter"] < len(self._types):
                    raise Damaged(manifest, 0, "the inputs have a source that this reader does not know")
                sources[source["parameter"]] = _Source(self, source, number, kind, self._types[source["parameter"]])
        shown = range(self._own, len(self._types))
        if any(parameter not in sources for parameter in shown):
            raise Damaged(manifest, 0, "the inputs have no values for a parameter")
        every = {kernel["params"][parameter]["name"]: sources[parameter] for parameter in shown}
        # Large values that all tasks share are in no row.
        self.shared = {name: source.at(0) for name, source in every.items()
                       if source.common and not (_scalar(source.type) or source.type in ("char", "string", "f80"))}
        self._sources = {name: source for name, source in every.items() if name not in self.shared}
        self.parameters = list(self._sources)
        self._pieces, self._seen = [], 0
        self.done = self.failed = self.duplicates = 0
        self.refresh()

    def __len__(self):
        return self.tasks

    def __repr__(self):
        return f"<Job {self.name}: {self.kernel}, {self.done} of {self.tasks} tasks done, {self.failed} failed>"

    @property
    def state(self):
        """"done", "damaged" (marked as done, and results are lost), "running", "cancelling", "cancelled", "stopped" or
        "not begun". Workers on other machines are at work while their heartbeats are younger than a minute."""
        if (self.path / "DONE").exists():
            return "done" if self.done == self.tasks else "damaged"
        begun = False
        for identity in sorted((self.path / "workers").glob("??/*.0.id")):
            try:
                party = json.loads(identity.read_bytes())
                if party["role"] != "worker":
                    continue
                begun = True
                if self._at_work(party, identity.with_name(party["id"] + ".hb")):
                    return "cancelling" if (self.path / "host/cancel").exists() else "running"
            except (OSError, ValueError, KeyError, TypeError):
                continue
        if (self.path / "host/cancel").exists():
            return "cancelled"
        return "stopped" if begun else "not begun"

    @staticmethod
    def _at_work(party, heartbeat):
        beats = heartbeat.read_bytes() if heartbeat.exists() else bytes(16)
        if len(beats) == 16 and struct.unpack("<QQ", beats)[1] != 0:
            return False
        here = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip() == party["boot"]
        if here and os.readlink("/proc/self/ns/pid") == party["pid_space"]:
            try:
                status = pathlib.Path(f"/proc/{party['pid']}/stat").read_text().rpartition(")")[2].split()
                return int(status[19]) == party["start_time"]
            except OSError:
                return False
        return heartbeat.exists() and time.time() - heartbeat.stat().st_mtime < 60

    @property
    def code(self):
        """Which code it runs, in 12 digits."""
        plugin = self.manifest["plugin"]
        return (plugin["build_id"] or plugin["sha256"])[:12]

    @property
    def damage(self):
        """What was found in the logs that should not be there: [Damaged]. In a running job it may be on its way."""
        found = []
        for log in self._logs.values():
            found.extend(Damaged(log.path, begin, what) for begin, _, what in log.gaps)
            if log.behind:
                found.append(Damaged(log.path, *log.behind))
        return found

    def refresh(self):
        """Reads what has been written since; returns how many more tasks are done."""
        before = self.done
        if self.manifest.get("open"):
            return 0
        for folder in sorted((self.path / "logs").glob("??")):
            for path in sorted(folder.iterdir()):
                if re.fullmatch(r"[0-9a-f]{32}\.\d+\.\d+", path.name) and path not in self._logs:
                    self._logs[path] = _Log(self, path)
        fresh = []
        for log in self._logs.values():
            for frame in log.new_frames():
                if frame.first > self.tasks or frame.count > self.tasks - frame.first:
                    raise Damaged(log.path, frame.offset, f"the job has no tasks {frame.first} to "
                                                          f"{frame.first + frame.count - 1}")
                fresh.append((frame.first, frame.first + frame.count, self._seen, frame))
                self._seen += 1
        if fresh:
            self.duplicates += sum(end - first for first, end, _, _ in fresh)
            self._take(self._pieces + fresh)
            self.duplicates -= self.done - before
        return self.done - before

    def _take(self, pieces):
        """Keeps what is read of each task: of pieces (first, end, number, frame) that of the smallest number."""
        self._pieces = _without_duplicates(sorted(pieces, key=lambda piece: piece[:3]))
        self.done = sum(end - first for first, end, _, _ in self._pieces)
        self.failed = sum(end - first for first, end, _, frame in self._pieces if frame.kind == _FAILURE)

    def _check(self):
        """Lost results are an error unless somebody is computing, or they were asked to be skipped."""
        if not self._raise or self.done == self.tasks or self.manifest.get("open"):
            return
        if (damage := self.damage) and self.state not in ("running", "cancelling"):
            raise damage[0]
        if (self.path / "DONE").exists() and self.refresh() == 0 and self.done < self.tasks:
            raise Damaged(self.path / "DONE", 0, f"it says that all is done, and the logs hold {self.done} of "
                                                 f"{self.tasks} tasks")

    def rows(self):
        """Every task that is done, in the order of their numbers."""
        self._check()
        decode, size, sources = _decoder(self._result), _size(self._result), list(self._sources.items())
        for first, end, _, frame in self._pieces:
            data = frame.log.payload(frame)
            seconds = frame.nanoseconds / max(1, frame.count) * 1e-9
            if frame.kind == _FAILURE:
                failure, outcomes = self._failure(frame, data), [None] * (end - first)
            else:
                failure, outcomes = None, self._values(frame, data, first, end, decode, size)
            for task, result in zip(range(first, end), outcomes):
                inputs = {name: source.at(task) for name, source in sources}
                yield Row(task, inputs, result, failure, seconds, frame.attempt)

    def _failure(self, frame, data):
        try:
            return Failure(frame.log.job, frame, data)
        except (_TooShort, struct.error) as error:
            raise Damaged(frame.log.path, frame.offset, "it is no record of a failure") from error

    def _values(self, frame, data, first, end, decode, size):
        """The results of tasks [first, end) of a frame."""
        begins, values = self._places(frame, data, size), []
        for task in range(first, end):
            at = begins[task - frame.first]
            values.append(self._decode(decode, data, frame.log.path, frame.offset, at))
        return values

    @staticmethod
    def _places(frame, data, size):
        """Where each result of a frame begins in its payload."""
        if size is not None:
            if frame.length != size * frame.count:
                raise Damaged(frame.log.path, frame.offset, "its length does not fit the result type")
            return range(0, frame.length, size) if size else [0] * frame.count
        values = 8 * (frame.count + 1)
        if frame.length < values:
            raise Damaged(frame.log.path, frame.offset, "its length does not fit the result type")
        offsets = struct.unpack_from(f"<{frame.count + 1}Q", data, 0)
        if any(a > b for a, b in zip(offsets, offsets[1:])) or offsets[-1] > frame.length - values:
            raise Damaged(frame.log.path, frame.offset, "its results overlap")
        return [values + offset for offset in offsets]

    @staticmethod
    def _decode(decode, data, path, offset, at=0):
        try:
            return decode(data, at)[0]
        except (_TooShort, struct.error, ValueError) as error:
            raise Damaged(path, offset, "a value does not fit its type") from error

    def table(self):
        """Columns by name: task, the parameters, result (one column per field of a struct: "result.x"), ok, error and
        seconds. Arrays where NumPy is installed, else lists. Of failed tasks, results are NaN, 0 or None, and `error`
        says why. `seconds` is the mean of tasks that were computed one after the other without a look at the clock."""
        self._check()
        columns = {"task": self._per_piece(range)}
        for name, source in self._sources.items():
            values = source.column(columns["task"]) if numpy else [source.at(task) for task in columns["task"]]
            columns[_column_name(name)] = values
        columns.update(self._result_columns())
        columns["ok"] = self._per_piece(lambda first, end, frame: frame.kind == _RESULTS, "?")
        errors = {id(frame): str(self._failure(frame, frame.log.payload(frame)))
                  for _, _, _, frame in self._pieces if frame.kind == _FAILURE}
        columns["error"] = self._per_piece(lambda first, end, frame: errors.get(id(frame), ""), object)
        columns["seconds"] = self._per_piece(
            lambda first, end, frame: frame.nanoseconds / max(1, frame.count) * 1e-9, "<f8")
        return columns

    def _per_piece(self, value, dtype=None):
        """A column: the tasks' numbers (`range`), or one value for each piece of a frame."""
        if not numpy:
            parts = (range(first, end) if value is range else [value(first, end, frame)] * (end - first)
                     for first, end, _, frame in self._pieces)
            return [each for part in parts for each in part]
        firsts = numpy.array([piece[0] for piece in self._pieces], numpy.uint64)
        counts = numpy.array([piece[1] for piece in self._pieces], numpy.uint64) - firsts
        if value is range:
            before = numpy.cumsum(counts) - counts
            starts = numpy.repeat(firsts - before, counts.astype(numpy.int64))
            return starts + numpy.arange(self.done, dtype=numpy.uint64)
        each = numpy.empty(len(self._pieces), dtype)
        each[:] = [value(first, end, frame) for first, end, _, frame in self._pieces]
        return numpy.repeat(each, counts.astype(numpy.int64))

    def _result_columns(self):
        type, size, decode = self._result, _size(self._result), _decoder(self._result)
        leaves = _leaves(type, "result")
        if numpy and size:
            return self._fixed_columns(type, size, leaves)
        values = []
        for first, end, _, frame in self._pieces:
            if frame.kind == _FAILURE:
                values.extend([None] * (end - first))
            else:
                values.extend(self._values(frame, frame.log.payload(frame), first, end, decode, size))
        columns = {}
        for name, kind, path in leaves:
            leaf = values
            for field in path:
                leaf = [None if value is None else value[field] for value in leaf]
            columns[name] = _column(kind, leaf)
        return columns

    def _fixed_columns(self, type, size, leaves):
        """Results of one size, copied frame by frame as they lie."""
        packed = _packed(type)
        results = numpy.zeros((self.done, *packed.shape), packed.base)
        failed, of_logs, at = [], collections.defaultdict(list), 0
        for first, end, _, frame in self._pieces:
            if frame.kind == _FAILURE:
                failed.append(slice(at, at + end - first))
            else:
                self._places(frame, b"", size)
                of_logs[frame.log].append((at, first, end, frame))
            at += end - first
        for log, pieces in of_logs.items():
            begin = min(frame.offset for _, _, _, frame in pieces)
            behind = max(frame.offset + 64 + frame.length for _, _, _, frame in pieces)
            data = log.read(begin, behind - begin)
            if len(data) < behind - begin:
                raise Damaged(log.path, begin + len(data), "it became shorter while it was read")
            for at, first, end, frame in pieces:
                place = frame.offset + 64 - begin + (first - frame.first) * size
                results[at:at + end - first] = numpy.frombuffer(data, packed, end - first, place)
        columns = {}
        for name, kind, path in leaves:
            leaf = results
            for field in path:
                leaf = leaf[field]
            if _dtype(kind) is None:
                decode = _decoder(kind)
                leaf = _column(kind, [decode(value.tobytes(), 0)[0] for value in leaf])
                nothing = None
            else:
                leaf = numpy.ascontiguousarray(leaf)
                nothing = numpy.nan if leaf.dtype.kind == "f" else 0
            for where in failed:
                leaf[where] = nothing
            columns[name] = leaf
        return columns

    def to_pandas(self):
        """table() as a pandas.DataFrame, whose index is the task."""
        import pandas
        table = self.table()
        for name, values in table.items():
            if getattr(values, "ndim", 1) > 1:
                table[name] = list(values)
        return pandas.DataFrame(table).set_index("task")

    def grid(self):
        """Results by the axes of the inputs. Where a task is missing or has failed stands NaN, or None (no number), or
        0 among whole numbers of which floating-point numbers would lose digits. Vectors that all are of one length
        become further dimensions."""
        if not numpy:
            raise Error("grids need NumPy: install it, as in apt-get install python3-numpy")
        axes, along, fixed, lengths = {}, {}, {}, []
        by_task = {name: source for name, source in self._sources.items() if source.kind == "seeds"}
        for number, axis in enumerate(self._axes):
            names = [name for name, source in self._sources.items() if source.axis == number and name not in by_task]
            length = axis["length"]
            if length == 1:
                fixed.update((name, self._sources[name].at_position(0)) for name in names)
                continue
            lengths.append(length)
            if not names:  # --repeat
                axes["repeat"] = numpy.arange(length)
            for name in names:
                source = self._sources[name]
                if _dtype(source.type) is None or _dtype(source.type).shape:
                    values = _column(source.type, [source.at_position(k) for k in range(length)])
                else:
                    values = source.positions(numpy.arange(length))
                if name == names[0]:
                    axes[name] = values
                else:
                    along[name] = (names[0], values)
        table = self.table()
        names = [name for name in table if name == "result" or name.startswith("result.")]
        ok = table["ok"]
        tasks = table["task"].astype(numpy.int64)
        columns = {name: _reshaped(table[name], tasks, ok, lengths) for name in names}
        for name, source in by_task.items():
            columns[name] = source.column(numpy.arange(self.tasks)).reshape(lengths)
        status = numpy.full(math.prod(lengths), -1, numpy.int8)
        status[tasks] = ~ok
        return Grid(axes, along, fixed, columns, status.reshape(lengths))

    # What values, failures and sources ask the job for.

    def _position(self, axis, task):
        return task // self._repeats[axis] % self._axes[axis]["length"]

    def _pack(self, number):
        if number not in self._packs:
            about = self.manifest["inputs"]["packs"][number]
            columns = {}
            for axis in self._axes:
                for source in axis["sources"]:
                    if source.get("stored", {}).get("pack") == number:
                        columns[source["stored"]["column"]] = self._types[source["parameter"]]
            if sorted(columns) != list(range(len(columns))) or not re.fullmatch(r"inputs/\d+", about["file"]):
                raise Damaged(self.path / "MANIFEST", 0, f"'{about['file']}' is not a pack that its inputs describe")
            self._packs[number] = _Pack(self.path / about["file"], about, [columns[i] for i in range(len(columns))])
        return self._packs[number]

    def _modules_of(self, frame):
        """The list of files that holds for a failure: the last one before it in its log."""
        lists = sorted(frame.log.modules)
        number = bisect.bisect_left(lists, (frame.offset,)) - 1
        if number < 0:
            return []
        data, at, names = frame.log.read(*lists[number][1:]), 8, []
        for _ in range(struct.unpack_from("<Q", data, 0)[0]):
            size = struct.unpack_from("<Q", data, at)[0]
            names.append(_text(_take(data, at + 8, size)))
            at += 8 + size
        return names

    def _lines_at(self, module, offset):
        """Function, file and line of the calls at an offset of the job's own code, innermost first."""
        if (module, offset) not in self._lines:
            lines = []
            own = [blob["sha256"] for blob in (self.manifest["plugin"], *self.manifest["libraries"])]
            digest = next((digest for digest in own if digest in module), None)
            blob = self.path / "blob" / (digest or "")
            asked = digest and shutil.which("addr2line") and blob.is_file() and \
                hashlib.sha256(blob.read_bytes()).hexdigest() == digest
            if asked:
                done = subprocess.run(["addr2line", "-Cfie", blob, hex(offset)], capture_output=True, text=True,
                                      stdin=subprocess.DEVNULL)
                words = done.stdout.splitlines()
                for function, place in zip(words[0::2], words[1::2]):
                    file, _, line = place.partition(" (")[0].rpartition(":")
                    if line.isdigit():
                        lines.append((function, file, int(line)))
            self._lines[module, offset] = lines
        return self._lines[module, offset]


class Merged(Job):
    """The latest outcome of each task over a job and those of its store that repeat tasks of it, directly or through
    others, as `jobhost results --merged` has it: a task that failed again has failed. Inputs and numbers of tasks are
    those of the first of these jobs, whichever of them was named. `jobs`: all of them, oldest first."""

    def __init__(self, path, verify=True, damaged="raise"):
        self.jobs = [Job(path, verify, damaged)]
        while (earlier := self._parent_of(self.jobs[0])) is not None:
            self.jobs = [Job(earlier, verify, damaged)]
        self._numbers = {self.jobs[0].name: range(self.jobs[0].tasks)}  # of each job's tasks, in the first one
        super().__init__(self.jobs[0].path, verify, damaged)

    @staticmethod
    def _parent_of(job):
        parent = job.manifest["parent"]["job"]
        path = job.path.resolve().parent / parent
        audit = job.label == "audit of " + parent
        return path if parent and not audit and (path / "MANIFEST").exists() else None

    def refresh(self):
        before = self.done
        self._find_repeats()
        pieces = []
        for age, job in enumerate(self.jobs):
            job.refresh()
            numbers = self._numbers[job.name]
            for first, end, number, frame in job._pieces:
                for begin, behind in [(first, end)] if age == 0 else self._runs(numbers, first, end):
                    moved = numbers[begin] - begin
                    pieces.append((begin + moved, behind + moved, (-age, number),
                                   frame._replace(first=frame.first + moved)))
        self._take(pieces)
        return self.done - before

    @staticmethod
    def _runs(numbers, first, end):
        """Tasks that stand side by side in the first job, too."""
        begin = first
        for task in range(first + 1, end + 1):
            if task == end or numbers[task] != numbers[task - 1] + 1:
                yield begin, task
                begin = task

    def table(self):
        """As of a job, and `code`: which code a result comes from, as 12 digits of its build id."""
        table = {"arg.code" if name == "code" else name: values for name, values in super().table().items()}
        table["code"] = self._per_piece(lambda first, end, frame: frame.log.job.code, object)
        return table

    def _find_repeats(self):
        """Jobs of the store that have come since."""
        store, waiting = self.jobs[0].path.resolve().parent, []
        for name in jobs(store):
            try:
                manifest = json.loads((store / name / "MANIFEST").read_bytes())
                if manifest["job"] not in self._numbers and manifest["parent"]["job"]:
                    waiting.append((manifest["parent"]["job"], store / name))
            except (OSError, ValueError, KeyError, TypeError):
                continue  # it cannot be read
        found = True
        while found:
            found = [(parent, path) for parent, path in waiting if parent in self._numbers]
            waiting = [each for each in waiting if each not in found]
            for parent, path in found:
                self._add(Job(path, self._verify, "raise" if self._raise else "skip"), self._numbers[parent])
        self.jobs[1:] = sorted(self.jobs[1:], key=lambda job: job.manifest["created"])

    def _add(self, job, numbers):
        tasks = job.manifest["parent"]["tasks"]
        if job.label == "audit of " + job.manifest["parent"]["job"] or len(tasks) != job.tasks or \
                not all(0 <= task < len(numbers) for task in tasks):
            return
        if job._result != self.jobs[0]._result:
            raise Error(f"results of job {job.name} and of job {self.jobs[0].name} are of different types: they do not "
                        f"fit into one table")
        self._numbers[job.name] = [numbers[task] for task in tasks]
        self.jobs.append(job)

    @property
    def state(self):
        """"running" or "cancelling" while one of the jobs is; else that of the first."""
        states = [job.state for job in self.jobs]
        return next((state for state in states if state in ("running", "cancelling")), states[0])

    @property
    def damage(self):
        return [damage for job in self.jobs for damage in job.damage]

    def _check(self):
        for job in self.jobs:
            job._check()


def _column_name(parameter):
    """Names that are taken get "arg." in front, as in jobhost's own tables."""
    return f"arg.{parameter}" if parameter in ("task", "result", "error", "ok", "seconds") else parameter


def _without_duplicates(pieces):
    """Pieces (first, end, number, frame), sorted, without what has been read before: the smaller number counts."""
    left, begin = [], 0
    while begin < len(pieces):
        behind, cluster_end = begin + 1, pieces[begin][1]
        while behind < len(pieces) and pieces[behind][0] < cluster_end:
            cluster_end = max(cluster_end, pieces[behind][1])
            behind += 1
        if behind == begin + 1:
            left.append(pieces[begin])
        else:
            left.extend(_first_of_each(pieces[begin:behind]))
        begin = behind
    return left


def _first_of_each(pieces):
    taken = []
    for first, end, number, frame in sorted(pieces, key=lambda piece: piece[2]):
        at = max(0, bisect.bisect_right(taken, first, key=lambda piece: piece[0]) - 1)
        fresh = []
        for other in taken[at:]:
            if other[0] >= end:
                break
            if first < other[0]:
                fresh.append((first, other[0], number, frame))
            first = max(first, other[1])
        if first < end:
            fresh.append((first, end, number, frame))
        for piece in fresh:
            bisect.insort(taken, piece, key=lambda piece: piece[0])
    return taken


def _reshaped(column, tasks, ok, lengths):
    column, tasks = _stacked(column[ok]), tasks[ok]
    total = math.prod(lengths)
    dtype = column.dtype
    nothing = None if dtype == object else numpy.nan if dtype.kind in "fc" else 0
    if dtype.kind in "iub" and len(tasks) < total:
        if not column.size or -2**53 <= int(column.min()) and int(column.max()) <= 2**53:
            dtype, nothing = numpy.dtype(numpy.float64), numpy.nan
    grid = numpy.full((total, *column.shape[1:]), nothing, dtype)
    grid[tasks] = column
    return grid.reshape((*lengths, *column.shape[1:]))


def _stacked(column):
    """Arrays that all have the same length, as one array with a further dimension."""
    arrays = column.dtype == object and len(column) and all(isinstance(value, numpy.ndarray) for value in column)
    return numpy.stack(column) if arrays and len({value.shape for value in column}) == 1 else column


def _with_lists(values):
    """Arrays in an array as lists: xarray cannot print them."""
    if values.dtype != object:
        return values
    lists = numpy.empty(values.shape, object)
    for place, value in numpy.ndenumerate(values):
        lists[place] = value.tolist() if isinstance(value, numpy.ndarray) else value
    return lists


def jobs(store=None):
    """The names of a store's jobs, the oldest first. The store: $JOBHOST_STORE, or .jobhost."""
    store = pathlib.Path(store or os.environ.get("JOBHOST_STORE") or ".jobhost")
    manifests = [path for path in store.glob("*/MANIFEST") if not path.parent.name.startswith(".")]
    by_age = sorted((path.stat().st_mtime_ns, path.parent.name) for path in manifests)
    return [name for _, name in by_age]


def open(job="@last", store=None, verify=True, damaged="raise", merged=False):
    """The job of that name, unique beginning or end of a name, label, or path; "@last" is the youngest of the store. With
    `merged`, together with all that repeats tasks of it."""
    return (Merged if merged else Job)(_path_of(job, store), verify, damaged)


def _path_of(job, store):
    if os.sep in str(job):
        return pathlib.Path(job)
    store = pathlib.Path(store or os.environ.get("JOBHOST_STORE") or ".jobhost")
    names = jobs(store)
    found = [name for name in names if name == job] or \
        [name for name in names if name.startswith(job) or name.endswith("-" + job)] or \
        [name for name in names if job and _label_of(store / name) == job][-1:]
    if job == "@last":
        found = [name for name in names if not (store / name / "host/audit").exists()][-1:] or names[-1:]
    if not found and pathlib.Path(job, "MANIFEST").exists():
        return pathlib.Path(job)
    if not names:
        raise Error(f"there are no jobs in the store '{store}'; JOBHOST_STORE names another one")
    if len(found) != 1:
        raise Error(f"'{job}' fits {len(found)} jobs of the store '{store}': jobhost ls lists them")
    return store / found[0]


def _label_of(folder):
    try:
        manifest = json.loads((folder / "MANIFEST").read_bytes())
        return "" if manifest["parent"]["job"] else manifest["label"]  # a job that repeats tasks has it from the first
    except (OSError, ValueError, KeyError, TypeError):
        return None  # it goes by its id only
