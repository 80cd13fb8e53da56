using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CitizenFX.Core;
using Sonoran.Events;
using Sonoran.Tests;
using Xunit;

namespace FxServerHost
{
    /// <summary>Beside SonoranCAD, with our file in place of its core/apiws.js.</summary>
    public class CadTests
    {
        private const string Cad = "sonorancad";
        private const string StandIn = "core/apiws.js is that of the sonoran resource";

        private static bool CanRun()
        {
            return ChildRuntime.CanRun(".js", ".lua");
        }

        /// <summary>A server with a SonoranCAD in its folder. Neither resource is started.</summary>
        private static FxServer Configured(out int server, bool standIn = true, string options = "")
        {
            var fx = ResourceTests.Configured(Hub.Shared, out server, options);
            var folder = Path.Combine(Path.GetTempPath(), "sonorancad-" + Guid.NewGuid().ToString("N"), Cad);
            foreach (var file in Directory.GetFiles(FxServer.Folder(Cad), "*", SearchOption.AllDirectories))
            {
                var copy = folder + file.Substring(FxServer.Folder(Cad).Length);
                Directory.CreateDirectory(Path.GetDirectoryName(copy));
                File.Copy(file, copy);
            }
            if (standIn) File.Copy(FxServer.Folder("sonoran") + "/sonorancad/apiws.js", folder + "/core/apiws.js", true);
            fx.AddFolder(Cad, folder);
            return fx;
        }

        private static FxServer Started(out int server, string options = "")
        {
            var fx = Configured(out server, true, options);
            fx.Start(Cad);
            fx.Start("sonoran");
            fx.UntilTold("server " + server + ": connected.");
            return fx;
        }

        [Fact]
        public void ItGetsItsEventsWithTheKeyAndOthersWithout()
        {
            if (!CanRun()) return;
            int server;
            using (var fx = Started(out server))
            {
                Assert.True(fx.Told(StandIn));
                var payloads = new[] { "{\"key\":\"" + Hub.ApiKey + "\",\"type\":\"EVENT_911\",\"data\":[1.0]}", "{ \"type\":\"event_new\",\"data\":{\"key\":\"k\"}}" };
                foreach (var payload in payloads) Hub.Shared.Push(server, payload);
                fx.Until(() => Listener.Cad.Count >= 2, "SonoranCAD's events");
                Assert.Equal(new[]
                {
                    "{\"key\":\"" + Hub.ApiKey + "\",\"sonoran\":1,\"type\":\"EVENT_911\",\"data\":[1.0]}",
                    "{\"key\":\"" + Hub.ApiKey + "\",\"sonoran\":2, \"type\":\"event_new\",\"data\":{\"key\":\"k\"}}",
                }, Listener.Cad);
                var heard = ResourceTests.Pushes(fx, 2);
                fx.Ticks(3);
                Assert.Equal(new[] { "{\"type\":\"EVENT_911\",\"data\":[1.0]}", payloads[1] }, heard.Select(e => e.Json));
                Assert.Equal(2, Listener.Cad.Count);
            }
        }

        /// <summary>The option leaves the key in the events, where it must not appear twice.</summary>
        [Fact]
        public void AKeptKeyIsNotAddedAgain()
        {
            if (!CanRun()) return;
            int server;
            using (var fx = Started(out server, ",\"eventKey\":\"keep\""))
            {
                Hub.Shared.Push(server, "{\"key\":\"" + Hub.ApiKey + "\",\"type\":\"EVENT_911\"}");
                fx.Until(() => Listener.Cad.Count >= 1, "SonoranCAD's event");
                Assert.Equal("{\"sonoran\":1,\"key\":\"" + Hub.ApiKey + "\",\"type\":\"EVENT_911\"}", Listener.Cad[0]);
            }
        }

        /// <summary>SonoranCAD does not get the events of our second server.</summary>
        [Fact]
        public void ItGetsTheEventsOfItsOwnServerAlone()
        {
            if (!CanRun()) return;
            int server;
            using (var fx = Configured(out server))
            {
                var other = Hub.NewServer();
                fx.Convars["sonoran_serverIds"] = other + "," + server;
                fx.Start(Cad);
                fx.Start("sonoran");
                fx.UntilTold("server " + server + ": connected.");
                fx.UntilTold("server " + other + ": connected.");
                Hub.Shared.Push(other, "{\"type\":\"EVENT_OTHER\"}");
                ResourceTests.Pushes(fx, 1);
                Hub.Shared.Push(server, "{\"type\":\"EVENT_OWN\"}");
                fx.Until(() => Listener.Cad.Count >= 1, "SonoranCAD's event");
                fx.Ticks(2);
                Assert.Equal("EVENT_OWN", Json.Text(Listener.Cad.Single(), "type"));
            }
        }

        /// <summary>An event that comes by HTTP reaches everybody once: SonoranCAD directly, the others through its stand-in.</summary>
        [Fact]
        public void WhatIsPostedToItReachesTheOthersOnce()
        {
            if (!CanRun()) return;
            int server;
            using (var fx = Started(out server))
            {
                var posted = new[] { "EVENT_911", "EVENT_DISPATCH_TOGGLE_BODYCAM", "EVENT_OF_TOMORROW", "event_tone" };
                foreach (var type in posted)
                {
                    // One of each also comes through the session at the same time.
                    Hub.Shared.Push(server, "{\"type\":\"" + type + "\",\"data\":{\"by\":\"session\"}}");
                    int status;
                    fx.Request("POST", "/sonorancad/event", "{\"key\":\"" + Hub.ApiKey + "\",\"type\":\"" + type + "\",\"data\":{\"by\":\"http\"}}", out status);
                }
                int ignored;
                fx.Request("POST", "/sonorancad/event", "{\"key\":\"wrong\",\"type\":\"EVENT_911\",\"data\":{\"by\":\"a stranger\"}}", out ignored);
                ResourceTests.Pushes(fx, 8);
                fx.Until(() => Listener.Cad.Count >= 8, "SonoranCAD's events");
                fx.Ticks(5);
                foreach (var by in new[] { "session", "http" })
                {
                    var wanted = posted.Select(type => type.ToUpperInvariant()).OrderBy(type => type);
                    Assert.Equal(wanted, Listener.Events.Where(e => e.Json.Contains("\"by\":\"" + by)).Select(e => e.Type).OrderBy(type => type));
                    Assert.Equal(wanted, Listener.Cad.Where(e => e.Contains("\"by\":\"" + by)).Select(e => Json.Text(e, "type").ToUpperInvariant()).OrderBy(type => type));
                }
                Assert.False(Listener.Events.Any(e => e.Json.Contains(Hub.ApiKey) || e.Json.Contains("stranger")));
            }
        }

        [Fact]
        public void ItsOwnSessionIsNoticedOnceAndTheRemedyNamed()
        {
            if (!CanRun()) return;
            int server;
            using (var fx = Configured(out server, false))
            {
                fx.Start(Cad);
                fx.Start("sonoran");
                fx.UntilTold("the sonorancad resource holds a session of its own for server " + server);
                Assert.True(fx.Told("/sonorancad/apiws.js over its core/apiws.js"));
                fx.UntilTold("server " + server + ": connected.");
                Hub.Shared.Push(server, "{\"type\":\"EVENT_911\"}");
                ResourceTests.Pushes(fx, 1); // events do not wait for it
                fx.Ticks(25);
                Assert.Equal(1, fx.Told(line => line.Contains("holds a session of its own")));

                // If it must not send, it holds no session, nor does it for another server.
                fx.Convars["sonoran_apiSendEnabled"] = "false";
                fx.Restart("sonoran");
                fx.Ticks(25);
                Assert.Equal(1, fx.Told(line => line.Contains("holds a session of its own")));
            }
        }

        /// <summary>The updater's rule: a file is spared if its path contains an entry's.</summary>
        [Fact]
        public void TheUpdateThatWouldUndoItIsForeseen()
        {
            if (!CanRun()) return;
            int server;
            using (var fx = Configured(out server))
            {
                const string entry = "{ \"path\": \"/sonorancad/core/apiws.js\", \"reason\": \"sonoran\" }";
                fx.Start(Cad);
                fx.UntilTold("The next update of SonoranCAD would undo that: add " + entry + " to the list in configuration/updateIgnore.json.");
                Assert.Contains(entry, File.ReadAllText(FxServer.Folder("sonoran") + "/README.md"));
                var list = fx.GetResourcePath(Cad) + "/configuration/updateIgnore.json";
                File.WriteAllText(list, "{\"ignore\":[{\"path\":\"/sonorancad/configuration/updateIgnore.json\"}," + entry + "]}");
                fx.Console.Clear();
                fx.Restart(Cad);
                fx.UntilTold(StandIn);
                Assert.False(fx.Told("would undo"));
                foreach (var file in Directory.GetFiles(fx.GetResourcePath(Cad), "*", SearchOption.AllDirectories))
                    Assert.Equal(file.EndsWith("apiws.js", StringComparison.Ordinal) || file.EndsWith("updateIgnore.json", StringComparison.Ordinal),
                        file.Replace('\\', '/').Contains("/sonorancad/core/apiws.js") || file.Contains("updateIgnore.json"));
            }
        }

        [Fact]
        public void WithoutSonoranItSaysSo()
        {
            if (!CanRun()) return;
            int server;
            using (var fx = Configured(out server))
            {
                fx.Start(Cad);
                fx.Trigger("", "test:move", "u1", "somewhere");
                // Its own sender, which an error would end, still runs.
                fx.Until(() => fx.Told("The sonoran resource is not running"), "a word about it", 20);
                fx.Start("sonoran");
                fx.Until(() => Hub.Shared.Get("/control/calls").Contains("somewhere"), "the unit");
                fx.Trigger("", "test:move", "u1", "elsewhere");
                fx.Until(() => Hub.Shared.Get("/control/calls").Contains("elsewhere"), "the unit again");
                // SonoranCAD gave 30 as text, as some client might.
                Assert.Contains("\"coordinates\":{\"x\":1.5,\"y\":2,\"z\":30}", Hub.Shared.Get("/control/calls"));
            }
        }

        /// <summary>Events that wait for a SonoranCAD that never comes go to everybody else.</summary>
        [Fact]
        public void OneThatDoesNotComeBackIsNotWaitedForLong()
        {
            if (!CanRun()) return;
            int server;
            using (var fx = Started(out server))
            {
                fx.Stop(Cad);
                Hub.Shared.Push(server, "{\"type\":\"EVENT_911\"}");
                fx.Ticks(3);
                Assert.Equal(0, ResourceTests.Pushes(fx, 0).Count);
                ResourceTests.Pushes(fx, 1);
                Assert.True(fx.Told("the sonorancad resource is not running: events go on without it until it is started."));
                Hub.Shared.Push(server, "{\"type\":\"EVENT_B\"}");
                ResourceTests.Pushes(fx, 2);
                fx.Start(Cad);
                Hub.Shared.Push(server, "{\"type\":\"EVENT_C\"}");
                fx.Until(() => Listener.Cad.Count >= 1, "SonoranCAD's event");
                Assert.Equal("EVENT_C", Json.Text(Listener.Cad.Single(), "type"));
            }
        }

        /// <summary>Both start orders, both restarts and crashes in both orders, while events and units keep flowing.</summary>
        [Fact]
        public void ManyRoundsLoseAndDoubleNothing()
        {
            if (!CanRun()) return;
            const int unitCount = 20, tickMs = 5;
            var rounds = FxServer.Rounds(50);
            var most = TimeSpan.FromSeconds(10);
            int server;
            using (var fx = Started(out server))
            {
                var clock = Stopwatch.StartNew();
                var heard = new List<int>();
                var cad = new List<int>();
                Listener.OnEvent = e =>
                {
                    if (e.Type == "EVENT_UNIT_STATUS") heard.Add(int.Parse(Json.Text(e.Json, "data")));
                };
                var reached = 0;
                Listener.OnCad = json =>
                {
                    cad.Add(int.Parse(Json.Text(json, "data")));
                    Volatile.Write(ref reached, cad.Count);
                };

                var done = false;
                var pushing = Task.Run(() =>
                {
                    var pushed = 0;
                    while (!Volatile.Read(ref done))
                    {
                        // Keeps pace with the server, so that something is always on its way, and never much.
                        if (pushed - Volatile.Read(ref reached) < 10) Hub.Shared.Push(server, "{\"type\":\"EVENT_UNIT_STATUS\",\"data\":" + pushed++ + "}");
                        else Thread.Sleep(1);
                    }
                    return pushed;
                });

                var map = new UnitMap(server, unitCount);
                Listener.OnSent = map.Sent;
                Action onwards = () =>
                {
                    int had = heard.Count, cadHad = cad.Count;
                    map.Move(fx);
                    fx.Until(() => (heard.Count > had && cad.Count > cadHad) || pushing.IsFaulted, "events at both; " + heard.Count + " and " + cad.Count, tickMs);
                    map.Check(most);
                };
                for (var round = 0; round < rounds; round++)
                {
                    fx.Restart("sonoran");
                    onwards();
                    fx.Restart(Cad);
                    onwards();
                    // An event that SonoranCAD is handling in the very tick in which both end would be lost.
                    fx.TickAlone(Cad);
                    fx.Stop("sonoran");
                    fx.Stop(Cad);
                    fx.Start(round % 2 == 0 ? "sonoran" : Cad);
                    if (round % 3 == 0) fx.Tick();
                    fx.Start(round % 2 == 0 ? Cad : "sonoran");
                    onwards();
                    fx.TickAlone(Cad);
                    fx.Crash(round % 2 == 0 ? Cad : "sonoran");
                    if (round % 3 == 1) fx.Tick();
                    fx.Crash(round % 2 == 0 ? "sonoran" : Cad);
                    fx.Start(round % 4 < 2 ? "sonoran" : Cad);
                    if (round % 3 == 2) fx.Tick();
                    fx.Start(round % 4 < 2 ? Cad : "sonoran");
                    onwards();
                    fx.Crash(Cad);
                    fx.Start(Cad);
                    onwards();
                    fx.Crash("sonoran");
                    fx.Start("sonoran");
                    onwards();
                }
                Volatile.Write(ref done, true);
                var count = pushing.GetAwaiter().GetResult();
                fx.Until(() => heard.Count >= count && cad.Count >= count, count + " events, there are " + heard.Count + " and " + cad.Count, tickMs);
                fx.Ticks(3);
                Assert.Equal(Enumerable.Range(0, count), heard);
                Assert.Equal(Enumerable.Range(0, count), cad);
                fx.Until(() => map.IsCurrent(), "the last move of every unit", tickMs);
                Assert.False(fx.Told("SCRIPT ERROR"), string.Join("\n", fx.Console.Where(line => line.Contains("SCRIPT ERROR")).Take(3).ToArray()));
                Console.WriteLine(rounds + " rounds beside SonoranCAD in " + clock.Elapsed.TotalSeconds.ToString("0") + " s: " + count
                    + " events, none lost, none twice at either; no unit older than " + map.Oldest.TotalSeconds.ToString("0.0") + " s at the hub");
            }
        }

        /// <summary>Where units are, and since when the hub has not heard of their moves.</summary>
        private sealed class UnitMap
        {
            private const string Location = "move ";
            private readonly string[] _units;
            private readonly Dictionary<string, SortedList<int, DateTime>> _unheard = new Dictionary<string, SortedList<int, DateTime>>();
            private int _moves;

            internal TimeSpan Oldest { get; private set; }

            internal UnitMap(int server, int count)
            {
                _units = Enumerable.Range(0, count).Select(i => "map-" + server + "-" + i + "-").ToArray();
                foreach (var unit in _units) _unheard[unit] = new SortedList<int, DateTime>();
            }

            internal void Move(FxServer fx)
            {
                _moves++;
                foreach (var unit in _units) fx.Trigger("", "test:move", unit, Location + _moves);
            }

            /// <summary>SonoranCAD has handed the location over and forgets it from now on.</summary>
            internal void Sent(string unit, string location)
            {
                _unheard[unit][int.Parse(location.Substring(Location.Length))] = DateTime.UtcNow;
            }

            /// <summary>A later location replaces all earlier ones.</summary>
            internal void Check(TimeSpan most)
            {
                Hear();
                var waiting = _unheard.Values.Where(moves => moves.Count > 0).Select(moves => DateTime.UtcNow - moves.Values[0]).DefaultIfEmpty().Max();
                if (waiting > Oldest) Oldest = waiting;
                Assert.True(waiting < most, "a location is " + waiting + " old");
            }

            internal bool IsCurrent()
            {
                Hear();
                return _unheard.Values.All(moves => moves.Count == 0);
            }

            private void Hear()
            {
                var calls = Hub.Shared.Get("/control/calls");
                foreach (var unit in _units)
                {
                    var at = calls.LastIndexOf("\"" + unit + "\"", StringComparison.Ordinal);
                    if (at < 0) continue;
                    const string move = "\"location\":\"" + Location;
                    var from = calls.LastIndexOf(move, at, StringComparison.Ordinal) + move.Length;
                    var reached = int.Parse(calls.Substring(from, calls.IndexOf('"', from) - from));
                    var moves = _unheard[unit];
                    while (moves.Count > 0 && moves.Keys[0] <= reached) moves.RemoveAt(0);
                }
            }
        }
    }
}
