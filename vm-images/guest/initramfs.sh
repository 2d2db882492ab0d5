#!/bin/busybox sh
# The first program of the machine: loads the modules named in /modules, puts a writable layer over the read-only
# disk and hands over to the init named on the kernel's command line (kroma.init=).
export PATH=/bin
/bin/busybox mkdir -p /proc /sys /dev /disk /layer /root
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox echo 3 >/proc/sys/kernel/printk
while read -r module; do /bin/busybox insmod "/modules.d/$module" || /bin/busybox echo "cannot load $module"; done </modules
tries=0
until /bin/busybox mount -t squashfs -o ro /dev/sda /disk 2>/dev/null; do
  tries=$((tries + 1))
  [ $tries -gt 100 ] && { /bin/busybox echo "KROMA-PANIC no disk"; /bin/busybox sleep 100000; }
  /bin/busybox sleep 0.1
done
/bin/busybox mount -t tmpfs -o mode=755,size=75% layer /layer
/bin/busybox mkdir /layer/upper /layer/work
/bin/busybox mount -t overlay -o lowerdir=/disk,upperdir=/layer/upper,workdir=/layer/work root /root
init=/usr/lib/kroma/init
for word in $(/bin/busybox cat /proc/cmdline); do
  case $word in kroma.init=*) init=${word#kroma.init=} ;; esac
done
/bin/busybox umount /sys
/bin/busybox umount /dev
/bin/busybox umount /proc
exec /bin/busybox switch_root /root "$init"
