# Uses what cells use most, as often as $1 says. When the image is made this brings the programs' files into its memory;
# in a restored machine, while nobody waits, it has the emulator compile the code that every command goes through.
mkdir -p /tmp/.warm
for ((round = 0; round < ${1:-1}; round++)); do
  ls -l / | head -n 3 | tail -n 1
  seq 20 | sed s/1/2/ | grep -c 2
  printf 'b,2\na,1\n' >/tmp/.warm/t
  awk -F, '$2 > 0 { split($1, d, "-"); s += $2; print d[1] "," $2 } END { print s }' /tmp/.warm/t | sort | uniq | cut -d, -f1
  x=$(wc -l </tmp/.warm/t)
  cat /tmp/.warm/t | tr a b >/tmp/.warm/u
  /bin/true
  date; env; expr 1 + 1; sleep 0
  cp /tmp/.warm/t /tmp/.warm/v; mv /tmp/.warm/v /tmp/.warm/w
  find /tmp/.warm -name w
done >/dev/null
rm -r /tmp/.warm
