using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Sonoran.Events;
using Sonoran.Tests;
using Xunit;

namespace FxServerHost
{
    public class RestartTests
    {
        [Fact]
        public void FiftyRestartsLoseAndDoubleNothing()
        {
            const int restarts = 50;
            int server;
            using (var fx = ResourceTests.Started(Hub.Shared, out server))
            {
                var clock = Stopwatch.StartNew();
                var sequence = new List<int>();
                var resumed = 0;
                Listener.OnEvent = heard =>
                {
                    if (heard.Type == "EVENT_UNIT_STATUS") sequence.Add(int.Parse(Json.Text(heard.Json, "data")));
                    else if (heard.Type == "SESSION_READY") resumed += Json.Text(heard.Json, "resumed") == "true" ? 1 : 0;
                    else throw new Exception(heard.Json);
                };
                // Numbered events all the while, whatever the resource does; each must find a session at the hub.
                var restarted = false;
                var pushing = Task.Run(() =>
                {
                    var pushed = 0;
                    while (!Volatile.Read(ref restarted))
                    {
                        Hub.Shared.Push(server, "{\"type\":\"EVENT_UNIT_STATUS\",\"data\":" + pushed++ + "}");
                        Thread.Sleep(5);
                    }
                    return pushed;
                });
                for (var i = 0; i < restarts; i++)
                {
                    // Mostly with events waiting, now and then with none.
                    var before = sequence.Count;
                    fx.Until(() => sequence.Count > before || pushing.IsFaulted, "events between two restarts");
                    for (var last = -1; i % 5 == 0 && last != sequence.Count; fx.Tick()) last = sequence.Count;
                    fx.Restart("sonoran");
                }
                Volatile.Write(ref restarted, true);
                var count = pushing.GetAwaiter().GetResult();
                fx.Until(() => sequence.Count >= count, count + " events");
                fx.Ticks(2);
                Assert.Equal(Enumerable.Range(0, count), sequence);
                Assert.True(resumed > 0, "no restart told that it resumed");
                Assert.Equal(1, Occurrences(Hub.Shared.Get("/control/calls"), "\"serverId\":\"" + server + "\""));
                Console.WriteLine(restarts + " restarts in " + clock.Elapsed.TotalSeconds.ToString("0") + " s over one connection: " + count + " events, none lost, none twice");
            }
        }

        private static int Occurrences(string text, string part)
        {
            return (text.Length - text.Replace(part, "").Length) / part.Length;
        }

        [Fact]
        public void WhatComesWhileItIsStoppedWaits()
        {
            int server;
            using (var fx = ResourceTests.Started(Hub.Shared, out server))
            {
                fx.Stop("sonoran");
                fx.UntilTold("stopped; what the CAD sends now waits for the restart");
                for (var i = 0; i < 100; i++) Hub.Shared.Push(server, "{\"type\":\"EVENT_" + i + "\"}");
                Assert.Equal(0, Listener.Events.Count);
                fx.Start("sonoran");
                Assert.Equal(Enumerable.Range(0, 100).Select(i => "EVENT_" + i), ResourceTests.Pushes(fx, 100).Select(e => e.Type));
            }
        }

        [Fact]
        public void ANewKeyTakesEffectAndKeepsWhatWaits()
        {
            int server;
            using (var fx = ResourceTests.Started(Hub.Shared, out server))
            {
                fx.Stop("sonoran");
                for (var i = 0; i < 10; i++) Hub.Shared.Push(server, "{\"type\":\"EVENT_" + i + "\"}");
                fx.Convars["sonoran_apiKey"] = "a-wrong-key";
                fx.Start("sonoran");
                Assert.Equal(Enumerable.Range(0, 10).Select(i => "EVENT_" + i), ResourceTests.Pushes(fx, 10).Select(e => e.Type));
                fx.UntilTold("Invalid API key.");
            }
        }

        /// <summary>This process's resident memory in KiB.</summary>
        private static long Resident()
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            GC.Collect();
            var line = File.ReadAllLines("/proc/self/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
            return long.Parse(new string(line.Where(char.IsDigit).ToArray()));
        }

        [Fact]
        public void AHundredThousandEventsLeakNothing()
        {
            const int batch = 5000, warmUp = 2, rounds = 20;
            int server;
            using (var fx = ResourceTests.Started(Hub.Shared, out server))
            {
                var count = 0;
                long characters = 0, warm = 0, least = long.MaxValue;
                var spent = new List<double>();
                Listener.OnEvent = heard =>
                {
                    count++;
                    characters += heard.Json.Length;
                };
                for (var round = 0; round < warmUp + rounds; round++)
                {
                    if (round == warmUp)
                    {
                        warm = Resident();
                        spent.Clear();
                        characters = 0;
                    }
                    var wanted = count + batch;
                    Hub.Shared.Post("/control/burst?serverId=" + server + "&count=" + batch + "&size=1000");
                    var patience = Stopwatch.StartNew();
                    while (count < wanted)
                    {
                        // Back to back, where a server waits 50 ms between two.
                        var before = count;
                        var clock = Stopwatch.StartNew();
                        fx.Tick();
                        if (count > before) spent.Add(clock.Elapsed.TotalMilliseconds);
                        Assert.True(patience.ElapsedMilliseconds < 60000, "events are missing: " + count + " of " + wanted);
                    }
                    Assert.Equal(wanted, count);
                    if (round >= warmUp + rounds / 2) least = Math.Min(least, Resident());
                }
                var events = rounds * batch;
                var runtime = Type.GetType("Mono.Runtime") != null ? "Mono" : ".NET " + Environment.Version.Major;
                var grown = least - warm;
                Console.WriteLine("memory after " + events + " more events (" + characters / 1024 + " KiB): " + (grown >= 0 ? "+" : "") + grown + " KiB");
                Console.WriteLine("bench: fivem on " + runtime + ": " + (spent.Sum() * 1000 / events).ToString("0.0") + " us per event of " + characters / events
                    + " bytes, from the poll to another resource's handler");
                Assert.True(grown < characters / 1024 / 8, "grew by " + grown + " KiB");
                Assert.True(spent.Count > rounds, "the whole queue went out in one tick");

                const int idle = 2000;
                var idling = Stopwatch.StartNew();
                for (var i = 0; i < idle; i++) fx.Tick();
                Console.WriteLine("bench: fivem on " + runtime + ": " + (idling.Elapsed.TotalMilliseconds * 1000 / idle).ToString("0.0") + " us per tick without events");
            }
        }
    }
}
