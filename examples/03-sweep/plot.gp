# gnuplot plot.gp: sweep.csv -> sweep.png
set datafile separator ","
set terminal pngcairo size 1000,600
set output "sweep.png"
set title "Driven pendulum: velocity once per period of the drive"
set xlabel "drive"
set ylabel "velocity (rad per unit of time)"
set key off
plot "sweep.csv" every ::1 using 2:5 with points pointtype 7 pointsize 0.2
