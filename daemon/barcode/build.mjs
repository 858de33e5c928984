// Makes zxing.wasm.gz from what npm has: the reader of zxing-wasm 3.1.4, whose
// C++ exceptions go through JavaScript, becomes a module whose exceptions are
// WebAssembly's own and which needs nothing but the functions of imports.go.
//
//   npm install zxing-wasm@3.1.4 binaryen@132 && node build.mjs
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const source = "node_modules/zxing-wasm/dist/reader/zxing_reader.wasm";
// Those that both the module and wazero have.
const features = ["exception-handling", "reference-types", "bulk-memory", "sign-ext", "nontrapping-float-to-int", "mutable-globals", "multivalue", "simd"];
const bin = "node_modules/.bin/";
execFileSync(bin + "wasm-dis", ["--all-features", source, "-o", "reader.wat"]);
let wat = readFileSync("reader.wat", "utf8");

// Who is who stands in the JavaScript beside the module: dist/es/reader/index.js.
const kept = "r J a i l v Z na Y ha la ka E fa U V x ja s ma ga P F oa ia I pa C Q H aa".split(" ");
const thrower = "q T e".split(" ");
const exported = (name) => wat.match(new RegExp(`\\(export "${name}" \\(func (\\S+)\\)\\)`))[1];
const stackGet = exported("Aa"), stackSet = exported("za"), setThrew = exported("xa");
const dynamic = { W: exported("Fa"), X: exported("Ea") };

const imports = [], functions = [];
wat = wat.replace(/^ \(import "a" "(\S+)" \(func (\S+) \(type \S+\)(?: \(param ([^)]*)\))?( \(result (\S+)\))?\)\)\n/gm,
  (_, name, id, list, result = "", type) => {
    const params = list ? list.split(" ") : [];
    const head = (id) => `(func ${id}${list ? ` (param ${list})` : ""}${result}`;
    const all = params.map((_, i) => `(local.get ${i})`);
    if (kept.includes(name) || thrower.includes(name)) { // behind a function of the module's own: some stand in its table
      imports.push(` (import "a" "${name}" ${head("$host" + id)}))`);
      functions.push(` ${head(id)} (call $host${id} ${all.join(" ")})${thrower.includes(name) ? " (throw $exception)" : ""})`);
    } else if (name === "_") { // more memory
      functions.push(` ${head(id)} (i32.ne (i32.const -1) (memory.grow (i32.shr_u (i32.add (i32.const 65535)
        (i32.sub (local.get 0) (i32.mul (memory.size) (i32.const 65536)))) (i32.const 16)))))`);
    } else { // invoke: call a function of the table, or of the same meaning, inside of a try block
      const call = dynamic[name] ? `(call ${dynamic[name]} ${all.join(" ")})`
        : `(call_indirect ${params.length > 1 ? `(param ${params.slice(1).join(" ")})` : ""}${result} ${all.slice(1).join(" ")} (local.get 0))`;
      const failed = `(call ${stackSet} (local.get $stack)) (call ${setThrew} (i32.const 1) (i32.const 0))`;
      functions.push(` ${head(id)} (local $stack i32) (local.set $stack (call ${stackGet}))
        (block $caught ${type ? `(return (try_table (result ${type}) (catch_all $caught) ${call}))`
          : `(try_table (catch_all $caught) ${call}) (return)`}) ${failed} ${type ? `(${type}.const 0)` : ""})`);
    }
    return name === "a" ? "IMPORTS" : ""; // the first
  });
wat = wat.replace("IMPORTS", () => imports.join("\n") + "\n");
// 256 MB instead of 2 GB, which is four times what a page of A3 at 300 dpi takes.
wat = wat.replace(/^ \(memory \$0 (\d+) 32768\)\n/m, " (memory $0 $1 4096)\n (tag $exception)\n");
wat = wat.replace(/\)\s*$/, functions.join("\n") + "\n)\n");
writeFileSync("reader.new.wat", wat);
execFileSync(bin + "wasm-as", [...features.map((f) => "--enable-" + f), "reader.new.wat", "-o", "reader.wasm"]);
writeFileSync("zxing.wasm.gz", gzipSync(readFileSync("reader.wasm"), { level: 9 }));
