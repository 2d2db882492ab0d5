/** What is in a real Linux: one machine for the whole file, so each test leaves the shell as it found it. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Linux, startLinux } from "./harness.ts";

let linux: Linux;
beforeAll(async () => {
  linux = await startLinux();
}, 600_000);
afterAll(() => linux?.close());

describe("the machine", () => {
  test("the usual tools are there", async () => {
    const tools =
      "adduser apt apt-get ar awk bash bc bzip2 cal cat cc cpio curl cut datamash dc diff diffstat dpkg e2fsck ed envsubst expect fd file find git grep gzip head htop jq less ls lsb_release lsof lua lzma m4 make make_absent man mawk mke2fs nano nc nm objdump od openssl parallel patch perl pidof pip ps pv python python3 rename resize2fs rg rsync script sed socat sort sponge sqlite3 strace su sudo tar tclsh tcc time tmux tr tree unzip useradd uuidgen vi view vim w wdiff wget xargs xxd xz zip zstd";
    const { stdout } = await linux.cell(`for t in ${tools}; do command -v $t >/dev/null || echo $t; done`);
    expect(stdout).toBe("make_absent\n");
    const work = await linux.cell(
      `echo '{"a":[1,2,3]}' | jq -c '.a|map(.*2)'; echo '2^70' | bc; sqlite3 :memory: 'select sum(value) from generate_series(1,10)' 2>/dev/null || sqlite3 :memory: 'select 55'; printf 'b 2\\na 1\\n' | sort | awk '{s+=$2} END {print s}'`,
    );
    expect(work.stdout).toBe("[2,4,6]\n1180591620717411303424\n55\n3\n");
  }, 600_000);

  test("small programs are built and run", async () => {
    const { stdout, stderr } = await linux.cell(
      [
        "mkdir -p /tmp/build; cd /tmp/build",
        `printf '#include <stdio.h>\\n#include <math.h>\\nint main(void) { printf("%%.3f\\\\n", sqrt(2)); return 0; }\\n' > hello.c`,
        "tcc -lm -run hello.c",
        `printf 'hello: hello.c\\n\\tcc -o $@ $< -lm\\n' > Makefile`,
        "make -s && ./hello",
        "cd /workspace; rm -r /tmp/build",
      ].join("\n"),
    );
    expect(stderr).toBe("");
    expect(stdout).toBe("1.414\n1.414\n");
  });

  test("tools do their work", async () => {
    const cases: readonly (readonly [string, string])[] = [
      ["perl -MJSON::PP -MList::Util=sum -e 'print encode_json({ sum => sum(1..4) })'", '{"sum":10}'],
      ["lua -e 'print(string.format(\"%5.2f\", math.pi))'", " 3.14\n"],
      ["printf abc | openssl sha256 | cut -d' ' -f2 | cut -c1-8", "ba7816bf\n"],
      ["openssl version >/dev/null && wc -l < /etc/ssl/certs/ca-certificates.crt | awk '{ print ($1 > 2000) }'", "1\n"],
      [
        "TERM=xterm-256color tput colors; TERM=tmux-256color tput colors; TERM=screen tput cols >/dev/null && echo yes",
        "256\n256\nyes\n",
      ],
      ["printf 'a\\nb\\n' > v.txt; vim -es +'%s/a/c/' +wq v.txt; cat v.txt; rm v.txt", "c\nb\n"],
      [
        "tmux -L t new-session -d 'echo in tmux > t.txt'; until [ -s t.txt ]; do sleep 0.1; done; cat t.txt; rm t.txt",
        "in tmux\n",
      ],
      ["seq 3 | parallel -k echo n{}", "n1\nn2\nn3\n"],
      [
        "script -qc 'test -t 1 && echo on a terminal' /dev/null | tr -d '\\r'; pidof bash >/dev/null && echo it runs",
        "on a terminal\nit runs\n",
      ],
      // The loader knows where libraries are and asks for no others.
      ["strace -e trace=openat git --version 2>&1 | grep -c '/lib[^ ]*\\.so.*ENOENT' || :", "0\n"],
      ["mkdir -p r1 && echo x > r1/f && rsync -a r1/ r2/ && cat r2/f && rm -r r1 r2", "x\n"],
      [
        "truncate -s 8M d.img && mke2fs -q -t ext4 d.img && e2fsck -fn d.img >/dev/null 2>&1 && echo clean; rm d.img",
        "clean\n",
      ],
      [
        "grep -c . /proc/filesystems >/dev/null; grep -w ext4 /proc/filesystems | tr -d '\\t'; [ -e /dev/loop-control ] && echo loop",
        "ext4\nloop\n",
      ],
      ["dpkg-query -W -f '${Version}\\n' bash | cut -c1-2; dpkg -S /usr/bin/jq", "5.\njq: /usr/bin/jq\n"],
      ["TZ=Europe/Berlin date -d @0 +%H; printf 'caf\\xe9' | iconv -f latin1 -t utf8", "01\ncafé"],
      ["python3 -c 'import yaml, sqlite3, ssl, lzma, numpy; print(yaml.safe_load(\"a: [1]\"))'", "{'a': [1]}\n"],
      ["sudo -u nobody id -un; su nobody -s /bin/sh -c 'id -g'; sudo sh -c 'echo $SUDO_USER'", "nobody\n65534\nroot\n"],
      [
        "useradd -m ada && echo ada:pw | chpasswd && touch /tmp/o && chown ada:www-data /tmp/o && stat -c %U:%G /tmp/o; userdel -r ada 2>/dev/null; rm /tmp/o",
        "ada:www-data\n",
      ],
      [
        "sudo apt-get update -qq 2>/dev/null && apt-get install -y jq=1.6 curl | cut -d'(' -f1",
        "jq is already the newest version \ncurl is already the newest version \n",
      ],
      [
        "apt install -y jq nothing 2>&1 | grep -e ^E: -e dpkg.-i; apt install none >/dev/null 2>&1 || echo $?",
        "E: Unable to locate package nothing\n  dpkg -i FILE.deb         installs a Debian 12 package (i386 or all) from a file\n100\n",
      ],
      [
        "man -P cat wc | grep -c -- --lines; man cd | sed -n 2p; man nothing 2>/dev/null || echo $?",
        "1\n    cd - Change the shell working directory.\n16\n",
      ],
      [
        "bash -lc 'echo $PATH' | grep -c ^/usr/local/sbin:; ls -d /etc/inputrc /media /var/run/; id -gn www-data",
        "1\n/etc/inputrc\n/media\n/var/run/\nwww-data\n",
      ],
      [
        "cd /tmp; echo 'int f(void) { return 1; }' | tcc -c -o f.o - && ar rc libf.a f.o && nm libf.a | grep -o ' T f'; rm f.o libf.a; cd /workspace",
        " T f\n",
      ],
      [
        "git init -q g && cd g && echo x > f && git add f && git commit -qm one && git log --format=%s; cd ..; rm -rf g",
        "one\n",
      ],
    ];
    for (const [code, stdout] of cases) expect([code, (await linux.cell(code)).stdout]).toEqual([code, stdout]);
  }, 600_000);

  test("servers on loopback can be reached", async () => {
    const { stdout } = await linux.cell(
      "httpd -p 127.0.0.1:8123 -h /etc; curl -s http://127.0.0.1:8123/hostname; pkill httpd",
    );
    expect(stdout).toBe("kroma\n");
  });

  test("licences of what the image holds are in it", async () => {
    const { stdout } = await linux.cell("ls /usr/share/doc/*/copyright | wc -l");
    expect(Number(stdout)).toBeGreaterThan(150);
    const list = await linux.cell(
      "cut -f4 /usr/share/doc/kroma/packages | grep ^/ | xargs ls | wc -l; grep -c -P '\\t-$' /usr/share/doc/kroma/packages; grep ^make /usr/share/doc/kroma/packages | cut -f1,3,4; grep -c linux-image /usr/share/doc/kroma/packages",
    );
    const [found, ...rest] = list.stdout.trim().split("\n");
    expect(Number(found)).toBeGreaterThan(170);
    expect(rest).toEqual(["0", "make\tmake-dfsg\t/usr/share/doc/make/copyright", "1"]);
  });
});

describe("the workspace", () => {
  test("files are the notebook's real files, both ways and at once", async () => {
    await writeFile(join(linux.folder, "from-host.txt"), "host\n");
    const { stdout } = await linux.cell(
      "pwd; cat from-host.txt; echo guest > from-guest.txt; mkdir -p d; ln -sf ../from-host.txt d/link; cat d/link",
    );
    expect(stdout).toBe("/workspace\nhost\nhost\n");
    expect(await readFile(join(linux.folder, "from-guest.txt"), "utf8")).toBe("guest\n");
    await writeFile(join(linux.folder, "from-host.txt"), "HOST\n");
    expect((await linux.cell("cat from-host.txt")).stdout).toBe("HOST\n");
  });

  test("programs share a database with a write-ahead log, in a folder that others change too", async () => {
    const { stdout, error } = await linux.cell(`
      sqlite3 log.db 'pragma journal_mode = wal; create table t (a); insert into t values (1)'
      coproc sqlite3 log.db
      count() { echo 'select count(*) from t;' >&"\${COPROC[1]}"; read -r n <&"\${COPROC[0]}"; echo "$n"; }
      count
      sqlite3 log.db 'insert into t values (2)'
      count
      ls log.db*
      exec {COPROC[1]}>&-
      wait "$COPROC_PID"
      sqlite3 log.db 'insert into t values (3); pragma integrity_check'`);
    expect(error).toBeUndefined();
    expect(stdout).toBe("wal\n1\n2\nlog.db\nlog.db-shm\nlog.db-wal\nok\n");
    expect((await readFile(join(linux.folder, "log.db"))).toString("latin1", 0, 15)).toBe("SQLite format 3");
  });

  test("the kroma command sets, gets, lists and removes values", async () => {
    const { stdout, stderr, status } = await linux.cell(
      `kroma set n 42; kroma get n; kroma set o '{"a": [1, "x"]}'; kroma get o; kroma set s 'plain'; kroma get s; kroma get -r s\n` +
        `printf 'two\\nlines\\n' | kroma set t; kroma get t; printf '\\0\\1' | kroma set --bytes b; kroma get b | od -An -tx1; kroma list; kroma remove n o; kroma get n`,
    );
    expect(stdout).toBe(
      '42\n{"a":[1,"x"]}\n"plain"\nplain\n"two\\nlines"\n 00 01\nb\tbin\nn\tjson\no\tjson\ns\tjson\nt\tjson\n',
    );
    expect(stderr).toContain("no value named n; there are: b s t");
    expect(status).toBe("error");
  });

  test("a NumPy file is read as JSON lists", async () => {
    const header = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }".padEnd(117) + "\n";
    const head = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length, 0]);
    const bytes = Buffer.concat([
      head,
      Buffer.from(header),
      Buffer.from(new Float64Array([1, 2.5, Number.NaN, -4]).buffer),
    ]);
    await writeFile(join(linux.folder, "m.npy"), bytes);
    const { stdout } = await linux.cell(
      "mkdir -p .kroma/values; cp m.npy .kroma/values/m.npy; kroma get m; kroma get --bytes m | wc -c",
    );
    expect(stdout).toBe(`[[1,2.5],[{"$kroma":"float","value":"NaN"},-4]]\n${bytes.length}\n`);
  });
});
