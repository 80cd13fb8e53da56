using System;
using System.Collections.Generic;
using System.Diagnostics;
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
        public void ManyRestartsLoseAndDoubleNothing()
        {
            var restarts = FxServer.Rounds(50);
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
                // Pushes numbered events throughout. Each must find a session at the hub, whatever the resource does.
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
                    // Mostly with events waiting, sometimes with none.
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

        /// <summary>Pushes for one key do not reach the holder of another, whose console counts them.</summary>
        [Fact]
        public void ANewKeyTakesEffectAndSaysWhatItDrops()
        {
            int server;
            using (var fx = ResourceTests.Started(Hub.Shared, out server))
            {
                fx.Stop("sonoran");
                for (var i = 0; i < 10; i++) Hub.Shared.Push(server, "{\"type\":\"EVENT_" + i + "\"}");
                fx.Convars["sonoran_apiKey"] = "a-wrong-key";
                fx.Start("sonoran");
                fx.UntilTold("10 pushes were dropped because they came to a session with another apiKey");
                fx.UntilTold("Invalid API key.");
                Assert.False(Listener.Events.Any(e => e.Type.StartsWith("EVENT_", StringComparison.Ordinal)));
                fx.Convars["sonoran_apiKey"] = Hub.ApiKey;
                // The session before the wrong key said so too.
                Func<int> connected = () => fx.Told(line => line.Contains("server " + server + ": connected."));
                var before = connected();
                fx.Restart("sonoran");
                fx.Until(() => connected() > before, "the right key");
                Hub.Shared.Push(server, "{\"type\":\"EVENT_911\"}");
                Assert.Equal("EVENT_911", ResourceTests.Pushes(fx, 1).Single().Type);
            }
        }
    }
}
