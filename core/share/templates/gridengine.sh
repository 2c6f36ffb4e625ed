#!/bin/sh
# Workers as an array job of Grid Engine (SGE 8.1 and its relatives). Copy this file, and add lines such as
# "#$ -q short.q", "#$ -l h_rt=3600", or "#jobhost lanes: 4" with "#$ -pe smp {lanes}": docs/templates.md.
#jobhost system: Grid Engine
#jobhost most: 75000
#jobhost submit: qsub {script}
#jobhost full: [Oo]nly \d+ jobs are allowed
#jobhost full: more than \d+ tasks
# qstat shortens names, but for the line that -r adds after each task.
#jobhost status: list=$(qstat -u {user} -g d -r)
#jobhost status: printf '%s\n' "$list" | awk -v name={name} '
#jobhost status:   $1 ~ /^[0-9]+$/ { state = $5 }
#jobhost status:   $1 == "Full" && $3 == name { print state }'
#jobhost running: ^d?[hR]*[rtsST]+$
#jobhost waiting: ^[hR]*[qw]+$
#jobhost ended: ^(E.*)
#jobhost cancel: said=$(qdel {name} 2>&1) || case $said in
#jobhost cancel:   *"does not exist"*) ;;
#jobhost cancel:   *) printf '%s\n' "$said" >&2; exit 1 ;;
#jobhost cancel: esac
#jobhost cancel-waiting: list=$(qstat -u {user} -s p -g d -r)
#jobhost cancel-waiting: printf '%s\n' "$list" | awk -v name={name} '
#jobhost cancel-waiting:   $1 ~ /^[0-9]+$/ { task = $1 "." $NF }
#jobhost cancel-waiting:   $1 == "Full" && $3 == name { print task }' | xargs -r qdel >&2
#$ -S /bin/sh
#$ -N {name}
#$ -t 1-{workers}
#$ -r y
#$ -j y
#$ -o /dev/null
{environment}
exec {worker}
