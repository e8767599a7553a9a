"""Help texts of the commands, shown before and after their options."""

METAMER = """\
Make a musical metamer of a recording: another sound, found from noise by gradient
descent, with the same joint time–frequency scattering coefficients.
"""
METAMER_MORE = """\
examples:
  jtfs-jax metamer                     the bundled guitar: metamer.wav, metamer.png, …
  jtfs-jax metamer bird.wav            a recording: bird-metamer.wav, …
  jtfs-jax metamer bird.wav --start 10 --duration 3 --page
                                       a part of it, with a page for listening
  jtfs-jax metamer bird.wav -o out.wav --count 4
                                       four different metamers: out-1.wav … out-4.wav
  jtfs-jax metamer bird.wav --count 3 --spread 0.01
                                       three metamers that differ from one another as
                                       much as errors below 1 % allow
  jtfs-jax metamer --resume out.wav --steps 200
                                       continue a run that had 100 steps

The metamer of a recording with several channels has as many channels, and the same image
between them: the coefficients of sums and differences of channels are matched, too.
Recordings of any length are used whole. Long recordings are processed in segments: memory
hardly depends on the length, and time is proportional to it.

files:
  OUT.wav         the metamer; with --count, OUT-1.wav, OUT-2.wav, …
  OUT.target.wav  the recording as used: cut and resampled
  OUT.png         scalograms of the target and of the best metamer, errors of all metamers
  OUT.json        the recording and its SHA-256, all settings, the command, versions; seed,
                  gain, RMS and peak of each sound, and its error at each step;
                  with --spread: also the errors after it, and the distances between metamers
                  before and after (resynthesis.mutual_distances over about 10 ms)
  OUT.html        with --page: players that switch from sound to sound, scalograms,
                  errors and a blind test, in one file for any browser
  OUT.state.npz   the state for --resume; written after the first step, then every 30 s
All sounds of a run have the same gain: 1, unless the loudest would clip.
--seed 1 --count 3 makes the metamers of --seed 1, --seed 2 and --seed 3.

Ctrl-C stops after the current step and writes the results so far; a second Ctrl-C quits
at once. --resume also continues a run that was killed.
Exit status: 0 on success; 130 after Ctrl-C, 143 after SIGTERM; 2 for bad input, in which
case nothing is written (except the state, if --spread is below the errors); 1 if a package,
memory or disk space is missing.
"""
STIMULI = """\
Make a set of metamers for an experiment from a table of recordings and conditions, all at
one level, and record what a methods section reports about each sound.
"""
STIMULI_MORE = """\
examples:
  jtfs-jax stimuli table.toml -o stimuli         stimuli/bird/bird-jtfs-T2048-seed0.wav, …
  jtfs-jax stimuli table.csv -o stimuli --page   with a page for listening

table.toml has settings, and each combination of the listed values is a condition:
  recordings = ["bird.wav", {path = "guitar.flac", start = 1.5, duration = 3.0}]
  transform = ["jtfs", "time_scattering"]
  T = [2048, 8192]
  seeds = 5               # 0 to 4; or a list of seeds
  level = "rms"           # of the set: "rms", "loudness" or "as recorded"
  target_level = -23      # dB re full scale, or LUFS
  ramp = 0.01             # s
table.csv has one row per condition:
  recording,start,duration,transform,T,seeds
  bird.wav,,,jtfs,2048,5
  guitar.flac,1.5,3.0,time_scattering,8192,0 3 7
Empty cells mean defaults. Paths are relative to the table.

settings, with the values and defaults that jtfs-jax metamer --help lists:
  recordings (or recording, in CSV), start, duration, sample_rate, channels; transform, J,
  Q, T, J_fr, Q_fr, F, preset; optimizer, steps; seeds (their number, or a list), or seed
settings of the whole set, which are not crossed:
  level           as recorded (default); rms; loudness (ITU-R BS.1770, needs pyloudnorm)
  target_level    in dB re full scale ±1, or in LUFS (default: -23)
  ramp            duration of raised-cosine ramps at onset and offset, in s (default: 0)
A recording and its metamers share one gain, which brings the recording to target_level;
metamers are not adjusted individually. If any sound would clip, all are lowered together.

files in FOLDER:
  NAME/NAME.target.wav      a recording as used: cut and resampled
  NAME/NAME-…-seedN.wav     its metamers, named after the settings that vary in the table
  stimuli.csv               file, recording, settings, seed, error, gain, level, peak,
                            loudness and SHA-256 of each sound
  stimuli.json              the table, the command, versions, errors at each step
  stimuli.html              with --page: players, scalograms, errors and a blind test
  .state                    the states from which the same command continues
Except for gain and ramps, jtfs-jax metamer makes the same metamers with the same settings
and seeds.

The same command continues a set that was interrupted or killed, with byte-identical
results. Before that, you may add recordings, seeds or steps to the table, and change its
level or ramp. Sounds are written once all metamers are complete. Ctrl-C stops after the
current step. --overwrite starts over.
Exit status: 0 on success; 130 after Ctrl-C, 143 after SIGTERM; 2 for bad input, in which
case nothing is written; 1 if a package, memory or disk space is missing.
"""
FEATURES = """\
Write the scattering coefficients of recordings, with their coordinates in Hz, seconds
and cycles/octave: to .npz files, which numpy.load reads, or to a single Zarr store, which
xarray.open_zarr reads.
"""
FEATURES_MORE = """\
examples:
  jtfs-jax features bird.wav                bird.npz
  jtfs-jax features *.wav -o features       features/NAME.npz for each NAME.wav
  jtfs-jax features birds -o features       features/a/b/NAME.npz for birds/a/b/NAME.wav
  jtfs-jax features birds -o features --resume
                                            only the files that are missing
  jtfs-jax features birds -o birds.zarr     one store; the same command continues it
  jtfs-jax features list.csv -o birds.zarr  the recordings in a list
  jtfs-jax features birds -o birds.zarr --workers 8
                                            in eight processes

AUDIO may also be a pattern such as 'birds/**/*.wav', or a list: a .csv file with a header,
or a .jsonl file with one JSON object per line. A list has a column path, relative to its own
folder, and optionally start and duration, in s; all other columns are kept as labels.

Folders are searched recursively; files without the extension of an audio format are
skipped. OUT reproduces the folders of the recordings, relative to their innermost common
folder.

arrays in a file:
  S0 (frame), S1 (n1, frame), S2 (path, band, frame); with --channels each, these have
  a leading axis of channels
  frequencies (n1), band_frequencies (band), in Hz; frame_times (frame), in s after --start
  path_kind, path_rate, path_scale, path_spin, …: one entry per path, in Hz, cycles/octave
  sample_rate, in Hz; start, in s; settings, as JSON; options, for --resume
Without averaging (--T 0 or --F 0), the p-th path has its own arrays: S2_p,
band_frequencies_p, frame_times_p.

A store has S0 (frame), S1 (frame, frequency) and S2 (frame, path, band_frequency), with the
frames of all recordings one after another; time (frame) and of_recording (frame); and for
each recording its name, file, start, labels, first_frame, n_frames, and error, if it cannot
be read. Shards of frames are written in any order by any number of processes: by --workers
or --scheduler, or by the tasks of an array job, where each task runs the same command and
computes its share (--worker, or SLURM_ARRAY_TASK_ID and _COUNT, or JOB_COMPLETION_INDEX
and JOB_COMPLETIONS of Kubernetes). Run the command again to compute the shards of a lost
process. --prepare reads every recording once and creates the store beforehand.

All recordings are transformed in segments of the same length. A recording that fails is
reported, and the others are still written.
Exit status: 0 on success; 2 if any input was bad; 1 for other failures; 130 after Ctrl-C,
143 after SIGTERM.
"""
SCALOGRAM = """\
Draw the scalogram of a recording: how loud it is at each time and frequency.
"""
PLOT = """\
Draw a recording's scalogram, a rising and a falling path, and its joint time–frequency
scattering coefficients by rate (Hz) and scale (cycles/octave).
"""
PICTURE_MORE = """\
examples:
  jtfs-jax {command} bird.wav --start 10 --duration 3
  jtfs-jax {command} bird.wav -o bird.pdf

Exit status: 0 on success; 2 for bad input, in which case nothing is written; 1 if a package,
memory or disk space is missing; 130 after Ctrl-C, 143 after SIGTERM.
"""
