"""What `--help` says of each command before and after its options."""

METAMER = """\
Make a musical metamer of a recording: another sound, found from noise by gradient
descent, that has the same joint time–frequency scattering coefficients.
"""
METAMER_MORE = """\
examples:
  jtfs-jax metamer                     of a guitar: metamer.wav, metamer.png, …
  jtfs-jax metamer bird.wav            of a recording: bird-metamer.wav, …
  jtfs-jax metamer bird.wav --start 10 --duration 3 --page
                                       of a part of it, with a page to listen with
  jtfs-jax metamer bird.wav -o out.wav --count 4
                                       four different ones: out-1.wav … out-4.wav
  jtfs-jax metamer bird.wav --count 3 --spread 0.01
                                       three that differ from one another as much as
                                       errors below 1 % allow
  jtfs-jax metamer --resume out.wav --steps 200
                                       go on with a run that had 100 steps

A recording of several channels gives a metamer of as many, with the image between them:
coefficients of sums and differences of the channels are matched, too. Recordings of any
length are taken whole, long ones in segments: memory does not depend on the length much,
and time is in proportion to it.

files:
  OUT.wav         the metamer; with --count, OUT-1.wav, OUT-2.wav, …
  OUT.target.wav  the recording as it was used: cut and resampled
  OUT.png         scalograms of the target and of the best metamer, and all errors
  OUT.json        the recording and its SHA-256, all settings, the command, versions,
                  the seed, gain, RMS and peak of each sound, its error at each step
                  with --spread: errors after it, and distances of each two metamers before
                  and after, as resynthesis.mutual_distances has them over about 10 ms
  OUT.html        with --page: players that switch from sound to sound, scalograms,
                  errors and a blind test, in one file for any browser
  OUT.state.npz   what --resume needs; written after the first step, then every 30 s
All sounds of a run have the same gain: 1, unless the loudest would be clipped.
The metamers of --seed 1 --count 3 are those of --seed 1, --seed 2 and --seed 3.

Ctrl-C stops after the current step and writes the best so far; a second one quits
at once. A run that is killed goes on with --resume.
Exit status: 0; 130 after Ctrl-C, 143 after SIGTERM; 2 for bad input, and then nothing
is written; 1 where a package, memory or space on the disk is missing.
"""
STIMULI = """\
Make a set of metamers for an experiment: of several recordings, under several conditions,
from a table, with one level for all, and with what a methods section says of each.
"""
STIMULI_MORE = """\
examples:
  jtfs-jax stimuli table.toml -o stimuli         stimuli/bird/bird-jtfs-T2048-seed0.wav, …
  jtfs-jax stimuli table.csv -o stimuli --page   with a page to listen with

table.toml has settings, and each combination of what they list is a condition:
  recordings = ["bird.wav", {path = "guitar.flac", start = 1.5, duration = 3.0}]
  transform = ["jtfs", "time_scattering"]
  T = [2048, 8192]
  seeds = 5               # 0 to 4; or a list of seeds
  level = "rms"           # of the set: "rms", "loudness" or "as recorded"
  target_level = -23      # dB re full scale, or LUFS
  ramp = 0.01             # s
table.csv has a row for each condition:
  recording,start,duration,transform,T,seeds
  bird.wav,,,jtfs,2048,5
  guitar.flac,1.5,3.0,time_scattering,8192,0 3 7
where empty cells stand for defaults. Paths are relative to the table.

settings, all with the values and defaults of jtfs-jax metamer --help:
  recordings (or recording, in CSV), start, duration, sample_rate, channels; transform, J,
  Q, T, J_fr, Q_fr, F, preset; optimizer, steps; seeds (their number, or all of them), or
  seed. Of the whole set, which is not crossed:
  level           as recorded (default); rms; loudness, by ITU-R BS.1770, with pyloudnorm
  target_level    in dB re full scale ±1, or in LUFS (default: -23)
  ramp            raised cosines at onset and offset, in s (default: 0)
A recording and its metamers have one gain, with which the recording has that level; the
level of metamers is theirs. If any sound would be clipped, all are lowered together.

files in FOLDER:
  NAME/NAME.target.wav      a recording as it was used: cut and resampled
  NAME/NAME-…-seedN.wav     its metamers, named by the settings that vary in the table
  stimuli.csv               for each sound its file, recording, settings, seed, error,
                            gain, level, peak, loudness, SHA-256
  stimuli.json              the table, the command, versions, errors at each step
  stimuli.html              with --page: players, scalograms, errors and a blind test
  .state                    what the same command needs to go on
Each metamer is the one that jtfs-jax metamer makes with its settings and its seed, but for
gain and ramps.

The same command goes on with what was interrupted or killed, and then comes to the same
bytes. The table may have more recordings, seeds or steps by then, and another level or
ramp; sounds are written once all are found. Ctrl-C stops after the current step. With
--overwrite the set is made anew.
Exit status: 0; 130 after Ctrl-C, 143 after SIGTERM; 2 for bad input, and then nothing is
written; 1 where a package, memory or space on the disk is missing.
"""
FEATURES = """\
Write the scattering coefficients of recordings, with their coordinates in Hz, seconds
and cycles/octave: to .npz files, which numpy.load reads, or to one Zarr store for all of
them, which xarray.open_zarr reads.
"""
FEATURES_MORE = """\
examples:
  jtfs-jax features bird.wav                bird.npz
  jtfs-jax features *.wav -o features       features/NAME.npz of each NAME.wav
  jtfs-jax features birds -o features       features/a/b/NAME.npz of birds/a/b/NAME.wav
  jtfs-jax features birds -o features --resume
                                            those that are still missing
  jtfs-jax features birds -o birds.zarr     a store; the same again goes on with it
  jtfs-jax features list.csv -o birds.zarr  of the recordings in a list
  jtfs-jax features birds -o birds.zarr --workers 8
                                            in eight processes

AUDIO may be a pattern such as 'birds/**/*.wav', or a list: a .csv file with a header, or
a .jsonl file with a JSON object in each line. It has a column path, relative to its own
folder, and perhaps start and duration, in s; all other columns are labels, which are kept.

Folders are searched with all folders in them; files whose name does not end as those
of recordings do are skipped. Folders that recordings have in common are left out of
the names of the results; all others are made in OUT.

arrays in a file:
  S0 (frame), S1 (n1, frame), S2 (path, band, frame); with --channels each, they have
  an axis of channels before these
  frequencies (n1), band_frequencies (band), in Hz; frame_times (frame), in s after --start
  path_kind, path_rate, path_scale, path_spin, …: one entry per path, in Hz, cycles/octave
  sample_rate, in Hz; start, in s; settings, as JSON; options, those of --resume
Without averaging (--T 0 or --F 0) the p-th path has arrays of its own: S2_p,
band_frequencies_p, frame_times_p.

A store has S0 (frame), S1 (frame, frequency) and S2 (frame, path, band_frequency), where
the frames of all recordings follow each other; time (frame), of_recording (frame); for each
recording its name, file, start, labels, first_frame, n_frames, and error, if it cannot be
read. It is written by shards of frames, in any order and by any number of processes: those
of --workers or --scheduler, or the tasks of an array job, each of which runs the same
command and takes its share (--worker, or SLURM_ARRAY_TASK_ID and _COUNT, or
JOB_COMPLETION_INDEX and JOB_COMPLETIONS of Kubernetes). Run it again to compute what a lost
process left. --prepare makes the store beforehand, which reads every recording once.

All recordings are transformed in segments of one length. A recording that fails is
reported, and does not keep the others from being written.
Exit status: 0; 2 if there was bad input; 1 for other failures; 130 after Ctrl-C, 143
after SIGTERM.
"""
SCALOGRAM = """\
Draw the scalogram of a recording: how loud it is at each time and in each frequency.
"""
PLOT = """\
Draw a recording's scalogram, what rises and falls in it, and its joint time–frequency
scattering coefficients by rate (Hz) and scale (cycles/octave).
"""
PICTURE_MORE = """\
examples:
  jtfs-jax {command} bird.wav --start 10 --duration 3
  jtfs-jax {command} bird.wav -o bird.pdf

Exit status: 0; 2 for bad input, and then nothing is written; 1 where a package, memory
or space on the disk is missing; 130 after Ctrl-C, 143 after SIGTERM.
"""
