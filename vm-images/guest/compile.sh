#!/usr/lib/kroma/busybox sh
# Compiles the agent in the guest, so that the host needs no compiler; the program leaves by the serial line.
b=/usr/lib/kroma/busybox
$b mount -t proc proc /proc
$b mount -t devtmpfs dev /dev
$b mount -t tmpfs tmp /tmp
exec >/dev/ttyS0 2>&1
$b stty -F /dev/ttyS0 raw -echo 2>/dev/null
c=/usr/src
if /usr/bin/tcc -o /tmp/agent $c/agent.c $c/crowd.c $c/look.c $c/kroma.c $c/call.c $c/python.c; then
  $b echo KROMA-BEGIN
  $b gzip -9 </tmp/agent | $b base64
  $b echo KROMA-END
else
  $b echo KROMA-FAILED
fi
$b sleep 100000
