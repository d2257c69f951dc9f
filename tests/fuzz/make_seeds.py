#!/usr/bin/env python3
"""Writes the fuzzers' seeds, a few small files per reader, to corpus/<reader>/ beside this script."""
import gzip
import io
import json
import pathlib
import struct
import zipfile
import zlib

here = pathlib.Path(__file__).parent / "corpus"


def seed(reader, name, content):
    (here / reader).mkdir(parents=True, exist_ok=True)
    (here / reader / name).write_bytes(content)


def safetensors(tensors, metadata, data):
    header = {"__metadata__": metadata} if metadata else {}
    header.update(tensors)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def entry(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def npy(descr, shape, data, version=1, fortran=False):
    text = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(text)) + text + data


def idx(code, shape, data):
    return bytes([0, 0, code, len(shape)]) + b"".join(struct.pack(">I", n) for n in shape) + data


def chunk(name, data):
    return name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def wav(code, channels, bits, data, more=b""):
    frame = channels * bits // 8
    body = b"WAVE" + chunk(b"fmt ", struct.pack("<HHIIHH", code, channels, 8000, 8000 * frame, frame, bits) + more)
    return chunk(b"RIFF", body + chunk(b"LIST", b"abc") + chunk(b"data", data))


def png(width, height, kind, rows):
    def part(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b"")


def archive(method, members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        for name, content in members:
            z.writestr(zipfile.ZipInfo(name), content, method)
    return out.getvalue()


seed("safetensors", "two", safetensors(
    {"a": entry("F32", [2], 0, 8), "b\u00e9\n": entry("F16", [1, 2], 8, 12)}, {"k": "v"}, bytes(range(12))))
seed("safetensors", "types", safetensors(
    {d: entry(d, [1], 8 * i, 8 * i + 8) for i, d in enumerate(["I64", "U64", "F64", "C64"])}
    | {"BOOL": entry("BOOL", [], 32, 33), "U8": entry("U8", [0, 3], 33, 33)}, {}, bytes(33)))
seed("npy", "f4", npy("<f4", "(2, 3)", bytes(24)))
seed("npy", "fortran", npy(">i2", "(2, 2)", bytes(8), version=2, fortran=True))
seed("npy", "scalar", npy("<c16", "()", bytes(16), version=3))
seed("npz", "stored", archive(zipfile.ZIP_STORED, [("a.npy", npy("<f4", "(2,)", bytes(8))), ("b.npy", npy("|u1", "(1,)", b"x"))]))
seed("npz", "deflated", archive(zipfile.ZIP_DEFLATED, [("a.npy", npy("<f4", "(100,)", bytes(400)))]))
seed("idx", "plain", idx(8, [2, 3], b"abcdef"))
seed("idx", "float", idx(13, [2], bytes(8)))
seed("idx", "gz", gzip.compress(idx(8, [3, 2, 2], bytes(12)), mtime=0))
seed("json_config", "plain", b'{"model":{"d_model":64,"d_state":3,"dropout":0.1,"layers":["a"]},"on":true}')
seed("json_config", "override", b'{"on":false}\0model.d_model=[1,{"x":"y"}]')
seed("checkpoint", "one", safetensors(
    {"model/w": entry("F32", [2], 0, 8), "optimizer/m.w": entry("F32", [2], 8, 16)},
    {"format": "longwave checkpoint 1", "progress": '{"epoch":1,"step":2}',
     "generators": '{"data":{"seed":18446744073709551615,"stream":1,"draw":2}}', "schedule": "{}", "config": "{}",
     "more/best": "1", "crc32c": "1"}, bytes(16)))

seed("csv", "plain", b"date,OT,x\n2016-07-01 00:00:00,30.5,-1e3\n2016-07-01 01:00:00,,NaN\n")
seed("csv", "quotes", b'\xef\xbb\xbf"a, ""b""";c\r\n"1.5";+2\r\n\r\n;NA')
seed("csv", "bare", b"1\n\n3\n")
seed("traces", "text", b"1,2,3,4,5\n\n3,x\n7,7,7,-7,8\r\n1")
seed("traces", "rows", npy("<i4", "(2, 4, 1)", struct.pack("<8i", 1, 2, 3, 4, 5, 6, 7, 8)))
seed("traces", "stream", npy("|u1", "(30,)", bytes(range(10)) * 2 + bytes(range(20, 30))))

numbers = struct.pack("<12f", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
seed("torch_names", "v4", safetensors(
    {"layer.D": entry("F32", [1, 2], 0, 8), "layer.kernel.inv_dt": entry("F32", [2, 1], 8, 16),
     "layer.kernel.C": entry("F32", [1, 2, 1, 2], 16, 32), "output_linear.0.bias": entry("F16", [2], 32, 36),
     "layer.kernel.l_kernel": entry("I64", [], 36, 44)}, {"format": "pt"}, numbers[:36] + struct.pack("<q", 12)))
seed("torch_names", "v3", safetensors(
    {"D": entry("F32", [1, 2], 0, 8), "kernel.kernel.log_dt": entry("F32", [2], 8, 16),
     "kernel.kernel.C": entry("C64", [1, 2, 1], 16, 32), "output_linear.bias": entry("F32", [2, 1], 32, 40),
     "kernel.kernel.omega": entry("F32", [2, 2], 40, 56), "kernel.kernel.w": entry("F32", [1, 2], 56, 64),
     "kernel.kernel.P": entry("C64", [1], 64, 72), "kernel.kernel.Q": entry("C64", [1], 72, 80)}, {},
    numbers[:40] + struct.pack("<10f", 1, 0, -1, 0, -0.5, 1, 1, 2, 1, -2)))

# Zarr: the first byte chooses what zarr_fuzz.cpp does with the rest.
arrays = here.parent.parent / "data" / "zarr"
for name, choice, path in [
    ("v2", 0, "v2/blosc_c8/.zarray"),
    ("v3", 1, "v3/transposed/zarr.json"),
    ("v3_blosc", 1, "v3/blosc_c8/zarr.json"),
    ("zlib", 3, "v2/zlib_c8/0.0"),
    ("gzip", 4, "v2/gzip_i2/0.0"),
    ("zstd", 5, "v2/zstd_f8/0.0"),
    ("blosc", 6, "v2/blosc_c8/0.0"),
]:
    seed("zarr", name, bytes([choice]) + (arrays / path).read_bytes())

seed("block_trace", "six.txt", b"0 0.0 42 45056 549528 9487.2\n1 44.3 42 65536 549400 9443.0\nshort\n")
seed("block_trace", "comma.csv", b"171.5,x,549400,4096,1000.25\n1e3,,2,nan,4\n")
seed("block_trace", "msr.csv", b"128166481075232275,rsrch,1,Write,281358336,45056,94872\r\n128166481075232718,a,1,Read,0,512,9\n")
seed("block_trace", "rows.txt", b"12 4096 88 7\n13 512 89 6")

seed("wav", "pcm16", wav(1, 2, 16, bytes(range(8))))
seed("wav", "pcm24", wav(0xFFFE, 1, 24, bytes(range(6)), struct.pack("<HHIH", 22, 24, 4, 1) + bytes(14)))
seed("wav", "float", wav(3, 1, 32, struct.pack("<2f", 0.5, -2)))
seed("png", "gray", png(3, 5, 0, b"".join(bytes([f, 1, 2, 3]) for f in range(5))))
seed("png", "rgba", png(1, 2, 6, b"\x04abcd\x03efgh"))
seed("listops", "arena.tsv", b"Source\tTarget\n( ( ( [MAX 2 ) 9 ) ] )\t9\r\n[SM [MED 1 2 ] [MIN 3 ] ]\t4\n")
seed("listops", "authors.tsv", b"9\t( ( ( [MAX 2 ) 9 ) ] )\n4\t4\n")
seed("text", "table.tsv", "label\ttext\n1\tca\u00f1on \u20ac \U0001f642\n0\t\"a \"\"b\"\"\"\n".encode())
seed("text", "pairs.tsv", b"1.0\tp1\tp2\tone text\tanother\n0\tp3\tp4\t\tx\n")
seed("cifar10", "one", bytes([3]) + bytes(range(256)) * 12)
seed("pathfinder", "lines", b"imgs/0 sample_0.png 0 1 0.5 2\nimgs/0 sample_1.png\t0 0\n\n")
