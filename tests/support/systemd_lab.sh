#!/usr/bin/env bash
# First process of a throw-away machine: prepares its file system, then becomes systemd.
#
#   systemd_lab.sh LAB_DIR USER UID SHARED_DIR [PROGRAM_DIR...]
#
# Started by systemd_lab.py in new pid, mount, uts, ipc, net and cgroup namespaces.
# The machine sees a copy-on-write overlay of /, whose writes are gone with it.
# SHARED_DIR is the host's own: what is written there stays. The PROGRAM_DIRs hold what
# the user runs: they are named because an overlay does not show what is mounted below
# /, and because they may not be for everybody.
set -euo pipefail
lab=$1 user=$2 uid=$3 shared=$4
shift 3

mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$lab"
root=$lab/root
mkdir "$root" "$lab/upper" "$lab/work"
mount -t overlay -o "lowerdir=/,upperdir=$lab/upper,workdir=$lab/work" overlay "$root"

# They may lie below somebody's private home: here everybody may pass through.
for dir in "$@"; do
  mkdir -p "$root$dir"
  # What root's own services run there belongs to root, whoever's checkout it is.
  [[ $(stat -c %u "$root$dir") == 0 ]] || chown -hR 0:0 "$root$dir"/{daemon,bin} 2>/dev/null || :
  while [[ $dir != / ]]; do
    chmod a+rx "$root$dir"
    chown 0:0 "$root$dir"
    dir=$(dirname "$dir")
  done
done
mount --bind "$shared" "$root$shared"
for dir in "${@:2}"; do
  [[ $(stat -c %d "$dir") != $(stat -c %d /) ]] || continue # the overlay has it
  mount --bind "$dir" "$root$dir"
  mount -o remount,bind,ro "$root$dir"
done

mount -t proc proc "$root/proc"
for knob in sys sysrq-trigger; do # what they turn is the whole kernel
  [[ -e $root/proc/$knob ]] || continue
  mount --bind "$root/proc/$knob" "$root/proc/$knob"
  mount -o remount,bind,ro "$root/proc/$knob"
done
mount -t sysfs -o ro sysfs "$root/sys"
# Version 2 alone: shown a v1 hierarchy, systemd would mount every one there is and
# make groups in them, also in those that the host's own supervisor lives in.
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for node in null zero full random urandom tty; do
  : >"$root/dev/$node"
  mount --bind "/dev/$node" "$root/dev/$node"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for stream in 0:stdin 1:stdout 2:stderr; do
  ln -s "/proc/self/fd/${stream%:*}" "$root/dev/${stream#*:}"
done

# Nothing that this host was set up to start: no generators, nothing enabled by the
# administrator, nothing pulled in by the distribution.
for dir in "$root"/etc/systemd/{system,user} \
  "$root"/{etc,usr/lib,usr/local/lib}/systemd/{system,user}-generators \
  "$root"/usr/lib/systemd/system/*.wants; do
  [[ ! -d $dir ]] || mount -t tmpfs -o mode=755 tmpfs "$dir"
done
: >"$root/etc/fstab"
cat >"$root/etc/systemd/system/lab.target" <<UNIT
[Unit]
Requires=basic.target
Wants=systemd-journald.service dbus.socket systemd-logind.service
After=basic.target systemd-logind.service
UNIT
mkdir -p "$root/run/systemd/journald.conf.d"
printf '[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\nReadKMsg=no\nAudit=no\n' \
  >"$root/run/systemd/journald.conf.d/lab.conf"
tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"

# An ordinary user, whose home is new.
echo "$user:x:$uid:$uid::/home/$user:/bin/sh" >>"$root/etc/passwd"
echo "$user:x:$uid:" >>"$root/etc/group"
echo "$user:*:19000::::::" >>"$root/etc/shadow"
mkdir -p "$root/home/$user"
chown "$uid:$uid" "$root/home/$user"

cd "$root"
mkdir run/host
pivot_root . run/host
umount -l /run/host
rmdir /run/host
mount --make-rshared / # as systemd expects to find it
# It loads no modules, sets no clock, reads no kernel log.
exec env -i container=lab LANG=C.UTF-8 PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin \
  setpriv --bounding-set=-sys_module,-sys_time,-sys_rawio,-syslog,-audit_control,-audit_read,-mac_admin,-mac_override,-wake_alarm \
  /usr/lib/systemd/systemd --system --unit=lab.target --show-status=no </dev/null
