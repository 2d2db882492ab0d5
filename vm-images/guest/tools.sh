# Uses each tool that a session is likely to begin with, once, when the image is made: what a tool reads of the disk when it
# is used for the first time is in the machine's memory then. $HOME is left as it was.
set -e
mkdir /tmp/.tools
cd /tmp/.tools
{
  git init -q
  echo a >a
  git add a
  git commit -qm a
  echo b >>a
  git status
  git diff
  git log --oneline
  sqlite3 :memory: "create table t(a, b); insert into t values (1, 'x'), (2, 'y'); select sum(a), group_concat(b) from t"
  echo '{"a": [1, 2]}' | jq '.a | add'
  printf '#include <stdio.h>\nint main(void) { puts("a"); return 0; }\n' >a.c
  printf 'a: a.c\n\ttcc -o a a.c\n' >Makefile
  make
  ./a
  tcc -run a.c
  lua -e 'print(1)'
} >/dev/null
cd /
rm -r /tmp/.tools
