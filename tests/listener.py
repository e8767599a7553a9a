"""A listener in a browser: opens a page, presses keys, and recognizes by ear what plays."""

import time

import numpy as np

# The latest samples of each channel, at most as many as an analyser keeps.
_LISTEN = """() => {
  const output = listening.output();
  const splitter = new ChannelSplitterNode(output.context, { numberOfOutputs: 2 });
  output.connect(splitter);
  window.ears = [0, 1].map((channel) => {
    const ear = new AnalyserNode(output.context, { fftSize: 32768 });
    splitter.connect(ear, channel);
    return ear;
  });
  return output.context.sampleRate;
}"""
_RECALL = """(count) => {
  const heard = ears.map((ear) => {
    const samples = new Float32Array(ear.fftSize);
    ear.getFloatTimeDomainData(samples);
    return Array.from(samples.slice(-count));
  });
  return { heard, position: listening.position() };
}"""
_TIME = "() => listening.output().context.currentTime"
EAR = 512  # samples from which a sound is recognized
_SETTLED = 0.13  # seconds to listen after a key: the sound begins, fades in, and is heard


class Listener:
    """Listener to an open Playwright page."""

    def __init__(self, page, sounds):
        self.page = page
        self.sounds = np.asarray(sounds)  # of one channel

    def play(self):
        """Press the key; return the rate at which sounds play."""
        self.page.keyboard.press("Space")
        self.page.locator("html[data-state=playing]").wait_for()
        return self.page.evaluate(_LISTEN)

    def position(self):
        """Position shown by the page, in seconds."""
        return self.page.evaluate("() => listening.position()")

    def heard(self, count=32768):
        """The last samples of both channels, and the position shown by the page at that time."""
        found = self.page.evaluate(_RECALL, count)
        return np.array(found["heard"], np.float32), found["position"]

    def recognize(self, samples):
        """Index of the sound, position of its end, and its gain."""
        n = 2 ** int(np.ceil(np.log2(self.sounds.shape[-1] + len(samples))))
        spectra = np.fft.rfft(self.sounds, n) * np.fft.rfft(samples, n).conj()
        products = np.fft.irfft(spectra, n)[:, : self.sounds.shape[-1] - len(samples) + 1]
        index, start = np.unravel_index(products.argmax(), products.shape)
        sound = self.sounds[index, start : start + len(samples)]
        gain = products[index, start] / max(float(sound @ sound), 1e-12)
        rest = np.linalg.norm(samples - gain * sound)
        assert gain > 1e-3, "nothing is heard"
        assert rest < 1e-3 * np.linalg.norm(samples), "what is heard is none of the sounds"
        return int(index), int(start) + len(samples), float(gain)

    def wait(self, seconds):
        """Wait until this much more has been played, however slow the machine is."""
        end = self.page.evaluate(_TIME) + seconds
        while self.page.evaluate(_TIME) < end:
            time.sleep(0.01)

    def listen(self):
        """Index, position and gain of the sound that is playing."""
        self.wait(_SETTLED)
        return self.recognize(self.heard(EAR)[0][0])
