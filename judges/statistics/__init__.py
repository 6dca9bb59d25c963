"""The statistics of a judge panel, one a file: arrays and polars frames in, frozen results out.

Nothing here knows of models, files or the rest of Venire. Every default was chosen by simulation; `bench/statistics`
runs the simulations again. Read in this order:

votes        frames (a frame of votes to arrays), panel (verdicts, prompt means, majority)
win rate     winrate, clusters, sign_flip, two_way (judges like these), complete_case, patterns, bootstrap
agreement    a_flip (the gate's), agreement (all of them), kappa, krippendorff_alpha, gwet, categories, jackknife
judges       position, unreliable, effective_judges, icc, clopper_pearson (qualification), leave_one_out, dawid_skene
checks       length, human_calibration (PPI++, Rogan-Gladen)
suites       tango, rao_scott, mcnemar, newcombe, thresholds, phrasing, red_flags
choosing     maxt, halving, e_process, stopping, spending, group_sequential
many         davidson (and Bradley-Terry), rao_kupper
planning     power, price
"""
