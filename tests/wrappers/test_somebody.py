"""test_somebody.py - how somebody's own test uses the package, as he would write it."""
import contextlib
import json
import os
import pathlib
import random
import socket
import ssl
import subprocess
import sys
import time
import unittest
import unittest.mock
import urllib.request

from azimuth_iot import start_azimuth


class Somebody(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.azimuth = start_azimuth(devices=["sensor-1"])
        cls.addClassCleanup(cls.azimuth.stop)

    def test_a_device_is_there_with_its_connection_string(self):
        start = f"HostName={self.azimuth.hostname};DeviceId=sensor-1;"
        self.assertTrue(self.azimuth.connection_string(device_id="sensor-1").startswith(start))
        self.assertIn("EntityPath=azimuth", self.azimuth.connection_string(event_hub=True))
        self.assertIn("DeviceId=sensor-2;", self.azimuth.create_device("sensor-2"))

    def test_what_it_sends_is_on_the_stream(self):
        self.azimuth.run("device", "send-d2c-message", "--device-id", "sensor-1", "--da", "hello")
        said = self.azimuth.run("hub", "monitor-events", "--from", "beginning", "--count", 1, "--timeout", 60, "-o", "jsonl")
        self.assertEqual(json.loads(said)["event"]["payload"], "hello")

    def test_its_address_is_in_its_certificate(self):
        context = ssl.create_default_context(cafile=self.azimuth.ca)
        url = f"https://{self.azimuth.hostname}:{self.azimuth.https}/readyz"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
        with opener.open(url, timeout=60) as answer:
            self.assertEqual(answer.status, 200)

    def test_the_variables_of_samples(self):
        self.assertEqual(self.azimuth.env("sensor-1")["AZ_IOT_HUB_DEVICE_ID"], "sensor-1")

    def test_two_side_by_side_have_the_same_ports_and_not_the_same_devices(self):
        with start_azimuth() as other:
            self.assertEqual(other.mqtt, self.azimuth.mqtt)
            self.assertEqual(json.loads(other.run("hub", "device-identity", "list")), [])
        self.assertFalse(pathlib.Path(other.data).exists())
        self.assertIn("stop", other.log)

    def test_ports_that_others_have_are_replaced_with_a_word(self):
        address = f"127.250.{random.randint(0, 255)}.{random.randint(2, 254)}"  # nobody's
        with unittest.mock.patch("azimuth_iot._own_address", return_value=address), contextlib.ExitStack() as held:
            for port in (8883, 5671):
                held.enter_context(socket.create_server((address, port)))
            with self.assertWarns(UserWarning) as said, start_azimuth() as other:
                self.assertNotEqual(other.mqtt, 8883)
                self.assertNotEqual(other.amqp, 5671)
            self.assertEqual([str(one.message).split()[1] for one in said.warnings if one.category is UserWarning], ["8883", "5671"])

    def test_no_hub_is_left_by_a_process_that_ends_without_a_stop(self):
        for end in ("os.kill(os.getpid(), signal.SIGKILL)", "sys.exit()", "raise RuntimeError('of a test')"):
            script = f"import os, signal, sys; from azimuth_iot import start_azimuth; hub = start_azimuth(ports='free'); " \
                     f"print(hub.data, end='', flush=True); {end}"
            data = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                  check=False).stdout
            self.assertTrue(data.startswith("/"), data)
            until = time.monotonic() + 60
            while os.path.exists(data) and time.monotonic() < until:
                time.sleep(0.02)
            self.assertFalse(os.path.exists(data), end)

    def test_what_is_wrong_is_said_in_one_sentence(self):
        with self.assertRaisesRegex(RuntimeError, "there is no device 'nobody'"):
            self.azimuth.run("hub", "device-identity", "show", "-d", "nobody")
        with self.assertRaisesRegex(RuntimeError, "--no-such-option"):
            start_azimuth(options=["--no-such-option"])

    def test_ports_that_are_free(self):
        with start_azimuth(ports="free") as other:
            self.assertEqual(other.hostname, "localhost")
        self.assertTrue(os.path.exists(self.azimuth.ca))


if __name__ == "__main__":
    unittest.main()
