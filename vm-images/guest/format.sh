# Makes the file system that holds what a machine changes, once, when the image is made. Its tables and its journal are
# left as the zeros they are, so that only what differs from an empty disk has to be shipped and kept.
set -e
mke2fs -q -F -t ext4 -b 4096 -m 1 -J size=8 -L machine -O ^resize_inode \
  -E lazy_itable_init=1,lazy_journal_init=1,nodiscard,root_owner=0:0 "$1"
mount -t ext4 -o noinit_itable "$1" /.machine/layer
mkdir /.machine/layer/upper /.machine/layer/work
umount /.machine/layer
