"""Classification of musical instruments, after section 4 of the DAFx 2022 paper.

    python -m experiments.instruments --data FOLDER        in notebooks/: the full setting

`medley` reads Medley-solos-DB, or the stand-in that `standin` renders from soundfonts in the same
layout; `frontends` computes features of sounds, `network` classifies them, `train` trains it.

    Muradeli, Vahidi, Wang, Han, Lostanlen, Lagrange & Fazekas, Differentiable Time–Frequency
    Scattering on GPU, DAFx 2022, arXiv:2204.08269
"""
