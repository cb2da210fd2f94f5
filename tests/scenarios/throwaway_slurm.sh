#!/bin/bash
# A SLURM of our own on one host: no systemd, no database, no root file touched, all below $DIR.
#   throwaway_slurm.sh start DIR [NODES]   prints what to put into the environment
#   throwaway_slurm.sh stop DIR
#   throwaway_slurm.sh unpack DIR          gets Debian's packages (3.4 MB) and installs nothing
# $SLURM_ROOT: where they were unpacked.
set -euo pipefail
what=$1 DIR=$(realpath -m "$2") NODES=${3:-4} R=${SLURM_ROOT:-}
if [ "$what" = unpack ]; then
    mkdir -p "$DIR.debs" && cd "$DIR.debs"
    apt-get download -q libhwloc15 liblua5.1-0 libmunge2 munge \
        slurm-wlm-basic-plugins slurm-client slurmd slurmctld
    for package in *.deb; do dpkg -x "$package" "$DIR"; done
    exit
fi
L=$R/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH=$L:$L/slurm-wlm${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} PATH=$R/usr/bin:$R/usr/sbin:$PATH
export SLURM_CONF=$DIR/slurm.conf

if [ "$what" = stop ]; then
    [ -e "$DIR/munged.pid" ] || exit 0
    SLURM_CONF=$DIR/slurm.conf timeout 5 scancel --state=RUNNING --state=PENDING -u "$(id -un)" 2>/dev/null || true
    for _ in $(seq 30); do [ -z "$(timeout 2 squeue -h 2>/dev/null)" ] && break; sleep 0.1; done
    # by pid only: those that we wrote down
    for f in "$DIR"/slurmd.*.pid "$DIR"/slurmctld.pid "$DIR"/munged.pid; do
        [ -s "$f" ] && kill "$(cat "$f")" 2>/dev/null || true
    done
    for f in "$DIR"/slurmd.*.pid "$DIR"/slurmctld.pid "$DIR"/munged.pid; do
        [ -s "$f" ] || continue; p=$(cat "$f" 2>/dev/null) || continue
        for _ in $(seq 50); do kill -0 "$p" 2>/dev/null || break; sleep 0.1; done
        kill -9 "$p" 2>/dev/null || true
    done
    exit 0
fi

mkdir -p "$DIR"/{state,spool,log,munge}; chmod 700 "$DIR/munge"
free() { python3 -c 'import socket;s=[socket.socket() for _ in range(int("'"$1"'"))];[x.bind(("127.0.0.1",0)) for x in s];print(*[x.getsockname()[1] for x in s])'; }
read -ra P <<<"$(free $((NODES + 1)))"
dd if=/dev/urandom of="$DIR/munge/key" bs=128 count=1 status=none; chmod 400 "$DIR/munge/key"
{
    cat <<CONF
ClusterName=throwaway
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=${P[0]}
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
AuthInfo=socket=$DIR/munge/socket
CredType=cred/munge
PluginDir=$L/slurm-wlm
StateSaveLocation=$DIR/state
SlurmdSpoolDir=$DIR/spool/%n
SlurmctldPidFile=$DIR/slurmctld.pid
SlurmdPidFile=$DIR/slurmd.%n.pid
SlurmctldLogFile=$DIR/log/slurmctld.log
SlurmdLogFile=$DIR/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,batch_sched_delay=0,sched_min_interval=0,bf_interval=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
ReturnToService=2
InactiveLimit=0
KillWait=2
MinJobAge=300
SlurmctldTimeout=10
SlurmdTimeout=10
MaxArraySize=1001
CONF
    for n in $(seq "$NODES"); do
        echo "NodeName=n$n NodeAddr=127.0.0.1 NodeHostName=localhost Port=${P[$n]} CPUs=2 RealMemory=4000 State=UNKNOWN"
    done
    echo "PartitionName=main Nodes=n[1-$NODES] Default=YES MaxTime=INFINITE State=UP PriorityTier=1 OverSubscribe=NO GraceTime=2"
    echo "PartitionName=urgent Nodes=n[1-$NODES] MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=off"
} >"$DIR/slurm.conf"

munged --force --key-file="$DIR/munge/key" --socket="$DIR/munge/socket" --pid-file="$DIR/munged.pid" \
    --log-file="$DIR/log/munged.log" --seed-file="$DIR/munge/seed" 2>>"$DIR/log/munged.err"
slurmctld-wlm -c -i -f "$DIR/slurm.conf" 2>"$DIR/log/slurmctld.err" || slurmctld-wlm -c -f "$DIR/slurm.conf"
for n in $(seq "$NODES"); do mkdir -p "$DIR/spool/n$n"; slurmd-wlm -N "n$n" -f "$DIR/slurm.conf" -d "$R/usr/sbin/slurmstepd-wlm"; done
for _ in $(seq 100); do
    [ "$(timeout 2 sinfo -h -p main -t idle -o %D 2>/dev/null)" = "$NODES" ] && break; sleep 0.1
done
sinfo >&2
echo "export SLURM_CONF=$DIR/slurm.conf LD_LIBRARY_PATH=$LD_LIBRARY_PATH PATH=$R/usr/bin:\$PATH"
