#!/usr/lib/kroma/busybox sh
# Process 1 until the agent takes its place: the kernel's file systems, the loopback interface, a name.
b=/usr/lib/kroma/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
$b mount -t devtmpfs dev /dev
$b mkdir -p /dev/pts /dev/shm
$b mount -t devpts -o mode=620,ptmxmode=666 devpts /dev/pts
$b mount -t tmpfs -o mode=1777 shm /dev/shm
$b mount -t tmpfs -o mode=755,size=100% run /run
$b mount -t tmpfs -o mode=1777 tmp /tmp
$b ln -sf /proc/self/fd /dev/fd
$b ln -sf /proc/self/fd/0 /dev/stdin
$b ln -sf /proc/self/fd/1 /dev/stdout
$b ln -sf /proc/self/fd/2 /dev/stderr
$b mkdir -p /run/kroma /run/lock
$b hostname kroma
$b ip link set lo up
$b sysctl -qw kernel.printk="1 4 1 7" vm.overcommit_memory=0 kernel.panic=0
# What is written goes to the disk within two seconds: a tab may be closed at any time.
$b sysctl -qw vm.dirty_writeback_centisecs=50 vm.dirty_expire_centisecs=100
# A page fault maps what else of the file is in memory around it, and the end of the program unmaps it again: sixteen pages
# cost more than the faults that they save here. Of 4, 8, 16, 32 and 64 KiB a process is cheapest with these.
if $b mount -t debugfs debug /sys/kernel/debug; then
  $b echo 16384 >/sys/kernel/debug/fault_around_bytes
  $b umount /sys/kernel/debug
fi
# Where the host puts a root that is kept together: this disk below, and the layer of changes over it.
$b mkdir -p /.machine/disk /.machine/layer /.machine/root
$b mount -t squashfs -o ro /dev/sda /.machine/disk
$b echo KROMA-READY >/dev/ttyS0
for port in /dev/vport*p1; do :; done
exec /usr/lib/kroma/agent "$port"
