using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading.Tasks;
using CitizenFX.Core;
using Sonoran.Events;
using Sonoran.Tests;
using Xunit;

namespace FxServerHost
{
    /// <summary>What other resources call, and what they pass.</summary>
    public class EntryTests
    {
        private static Dictionary<string, object> Map(params object[] members)
        {
            var map = new Dictionary<string, object>();
            for (var i = 0; i < members.Length; i += 2) map.Add((string)members[i], members[i + 1]);
            return map;
        }

        private static IEnumerable<object> Nonsense()
        {
            return new object[]
            {
                null, true, 5, 5000000000, -1.5, double.NaN, "", "text", "a\0b", "\ud800", new byte[] { 0xff, 0xfe }, new byte[0], new object[0], new object[] { 1, null, "x" },
                Map(), Map("a", Map("b", new object[] { new Vector3(1, 2, 3) })), new Vector2(1, 2), new Vector3(1, 2, 3), new Vector4(1, 2, 3, 4), new Quaternion(1, 2, 3, 4),
                new Action<object>(nothing => { }), Map("__cfx_async_retval", 1), Map("type", "EVENT_911"),
            };
        }

        [Fact]
        public void EveryEntryAnswersToEverything()
        {
            int server;
            using (var fx = ResourceTests.Started(Hub.Shared, out server))
            {
                foreach (var value in Nonsense())
                    foreach (var further in value is string || value is int ? new[] { null, value } : new[] { value })
                    {
                        Assert.Equal(false, fx.Export("sonoran", "sendUnitLocations", value, further));
                        Assert.Equal(false, fx.Export("sonoran", "ingest", value, further));
                        Assert.Equal(0, Convert.ToInt32(fx.Export("sonoran", "invoke", value as string == "text" ? "" : value, value, further)));
                        var failed = (Task<object>)fx.Export("sonoran", "call", value as string == "text" ? "" : value, value, further);
                        Assert.True(failed.IsFaulted, "a call succeeded");
                        // One of the numbers may be the server's own.
                        Assert.Equal(further == null || Equals(further, server), fx.Export("sonoran", "isReady", further));
                        Assert.StartsWith("[{\"serverId\":" + server, (string)fx.Export("sonoran", "status", value, further));
                        foreach (var name in new[] { "onResourceStop", "sonoran:listen", "sonoran:cad:heard", "sonoran:cad:done", "sonoran:cad:units", "sonoran:cad:posted" })
                        {
                            fx.Trigger("net:7", name, value, further);
                            fx.Trigger("", name, value, further);
                        }
                        int status;
                        fx.Request("POST", "/sonoran/event", value, out status);
                        Assert.Equal(200, status);
                    }
                Assert.False(fx.Told("Error invoking"), string.Join("\n", fx.Console.ToArray()));
                Assert.False(fx.Told("SCRIPT ERROR"), string.Join("\n", fx.Console.ToArray()));
                Hub.Shared.Push(server, "{\"type\":\"EVENT_911\"}");
                fx.Until(() => Listener.Events.Any(e => e.Type == "EVENT_911" && e.Json == "{\"type\":\"EVENT_911\"}"), "an event after all that");
                // The handler of its own stop is still there too.
                fx.Stop("sonoran");
                Assert.True(fx.Told("stopped; what the CAD sends now waits"));
            }
        }

        [Fact]
        public void WhatIsWrongIsToldOnceAMinute()
        {
            int server;
            using (var fx = ResourceTests.Started(Hub.Shared, out server))
            {
                for (var i = 0; i < 20; i++)
                {
                    fx.Export("sonoran", "ingest", new Vector3(1, 2, 3));
                    fx.Export("sonoran", "sendUnitLocations", new object[] { Map("location", "here") });
                }
                Assert.Equal(1, fx.Told(line => line.Contains("an event that was handed over was not taken: it is neither a text nor a table")));
                Assert.Equal(1, fx.Told(line => line.Contains("unit locations were not sent as they came: an update has none of communityUserId, roblox, apiId and identId")));
            }
        }

        /// <summary>Every entry also answers without a session, before the settings are right.</summary>
        [Fact]
        public void EveryEntryAnswersBeforeItIsConfigured()
        {
            int server;
            using (var fx = ResourceTests.Configured(Hub.Shared, out server))
            {
                fx.Convars.Remove("sonoran_apiKey");
                fx.Start("sonoran");
                fx.UntilTold("waiting for sonoran_apiKey");
                Assert.Equal(false, fx.Export("sonoran", "sendUnitLocations", new object[] { Map("communityUserId", "u", "location", "l") }));
                Assert.Equal(false, fx.Export("sonoran", "ingest", "{}"));
                Assert.Equal(0, Convert.ToInt32(fx.Export("sonoran", "invoke", "echo", "[]")));
                Assert.Equal(false, fx.Export("sonoran", "isReady"));
                Assert.Equal("[]", fx.Export("sonoran", "status"));
                var call = (Task<object>)fx.Export("sonoran", "call", "echo", new object[0]);
                Assert.True(call.IsFaulted);
                Assert.Contains("there is no session", call.Exception.InnerException.Message);
                Assert.False(fx.Told("SCRIPT ERROR"));
            }
        }

        /// <summary>One wrong update does not spoil the others; what can be converted is converted.</summary>
        [Fact]
        public void UnitsAreTakenAsWellAsTheyCanBe()
        {
            int server;
            using (var fx = ResourceTests.Started(Hub.Shared, out server))
            {
                var id = 0;
                Func<string> next = () => "u" + server + "-" + ++id;
                var units = new object[]
                {
                    Map("communityUserId", next(), "location", "text", "coordinates", Map("x", "1.5", "y", " -2 ", "z", "3e1", "w", "90")),
                    Map("communityUserId", next(), "location", 42, "coordinates", new object[] { 1, 2.5, 3 }),
                    Map("communityUserId", next(), "location", "two", "coordinates", new Vector2(1, 2)),
                    Map("communityUserId", next(), "location", "four", "coordinates", new Quaternion(1, 2, 3, 4)),
                    Map("communityUserId", next(), "location", "nowhere", "coordinates", Map("x", "north", "y", 1, "z", 1)),
                    Map("communityUserId", next(), "location", "endless", "coordinates", Map("x", double.PositiveInfinity, "y", 1, "z", 1)),
                    Map("communityUserId", next(), "location", "odd", "vehicle", "police", "peerId", new Action(() => { }), "coordinates", new Action(() => { })),
                    Map("roblox", "7" + server, "location", "a number as text"),
                    Map("roblox", "seven", "apiId", next(), "location", "another name"),
                    Map("communityUserId", Map("a", 1), "location", "nobody"),
                    Map("communityUserId", next(), "location", Map("a", 1)),
                    Map("communityUserId", next(), "location", "a \ud800 half"),
                    Map("communityUserId", next(), "location", "the last"),
                };
                Assert.Equal(true, fx.Export("sonoran", "sendUnitLocations", new object[] { units }));
                Func<int, string> u = n => "\"communityUserId\":\"u" + server + "-" + n + "\"";
                foreach (var wanted in new[]
                {
                    "\"location\":\"text\"," + u(1) + ",\"coordinates\":{\"x\":1.5,\"y\":-2,\"z\":30,\"w\":90}}",
                    "\"location\":\"42\"," + u(2) + ",\"coordinates\":{\"x\":1,\"y\":2.5,\"z\":3}}",
                    "\"location\":\"two\"," + u(3) + ",\"coordinates\":{\"x\":1,\"y\":2}}",
                    "\"location\":\"four\"," + u(4) + ",\"coordinates\":{\"x\":1,\"y\":2,\"z\":3,\"w\":4}}",
                    "\"location\":\"nowhere\"," + u(5) + "}",
                    "\"location\":\"endless\"," + u(6) + "}",
                    "\"location\":\"odd\"," + u(7) + "}",
                    "\"location\":\"a number as text\",\"roblox\":7" + server + "}",
                    "\"location\":\"another name\",\"apiId\":\"u" + server + "-8\"}",
                    "\"location\":\"the last\"," + u(11) + "}",
                }) fx.Until(() => Hub.Shared.Get("/control/calls").Contains(wanted), wanted);
                Assert.DoesNotContain("nobody", Hub.Shared.Get("/control/calls"));

                // As text, one by one: the library refuses the wrong one, and the others are sent.
                Assert.Equal(true, fx.Export("sonoran", "sendUnitLocations",
                    "[{\"apiId\":\"t" + server + "-1\",\"location\":\"a ] , text\"}, {\"apiId\":\"t" + server + "-2\",\"location\":5},{\"apiId\":\"t" + server + "-3\",\"location\":\"third\"}]"));
                fx.Until(() => Hub.Shared.Get("/control/calls").Contains("t" + server + "-3"), "the third");
                Assert.Contains("t" + server + "-1", Hub.Shared.Get("/control/calls"));
                Assert.DoesNotContain("t" + server + "-2", Hub.Shared.Get("/control/calls"));
            }
        }

        [Fact]
        public void ACallGivesAPromise()
        {
            int server;
            using (var fx = ResourceTests.Started(Hub.Shared, out server))
            {
                var call = (Task<object>)fx.Export("sonoran", "call", "echo", new object[] { new object[] { 1.5, "x", Map("a", new Vector3(1, 2, 3)) } });
                fx.Until(() => call.IsCompleted, "the result");
                var value = (IDictionary<string, object>)call.Result;
                Assert.Equal("[1.5,\"x\",{\"a\":{\"x\":1,\"y\":2,\"z\":3}}]", value["value"]);
                Assert.Equal(3, Convert.ToInt32(value["state"]));
                // Nobody else gets the result.
                Assert.False(Listener.Events.Any(e => e.Type == "SESSION_CALL_RESULT"));

                var refused = (Task<object>)fx.Export("sonoran", "call", "nosuchmethod", "[]");
                fx.Until(() => refused.IsCompleted, "the refusal");
                Assert.Contains("nosuchmethod", refused.Exception.InnerException.Message);

                var lost = (Task<object>)fx.Export("sonoran", "call", "echo", new object[] { 1 });
                fx.Stop("sonoran");
                Assert.True(lost.IsFaulted);
                Assert.Contains("was stopped", lost.Exception.InnerException.Message);
            }
        }

        [Fact]
        public void TheFunctionsOfCallsAreGivenBack()
        {
            int server;
            using (var fx = ResourceTests.Started(Hub.Shared, out server))
            {
                var before = fx.FunctionCount("sonoran");
                for (var i = 0; i < 200; i++)
                {
                    var call = (Task<object>)fx.Export("sonoran", "call", "echo", new object[] { 1 });
                    if (i % 50 == 0) fx.Until(() => call.IsCompleted, "a result");
                }
                fx.Until(() =>
                {
                    GC.Collect();
                    GC.WaitForPendingFinalizers();
                    return fx.FunctionCount("sonoran") < before + 20;
                }, "functions that are collected; there are " + fx.FunctionCount("sonoran"));
            }
        }

        private static FxServer WithSamples(out int server)
        {
            server = 0;
            if (!ChildRuntime.CanRun(".js", ".lua")) return null;
            var fx = ResourceTests.Configured(Hub.Shared, out server);
            fx.AddFolder("samples", FxServer.Folder("samples"));
            return fx;
        }

        private static void UntilSaid(FxServer fx, string line)
        {
            fx.Until(() => fx.Console.Contains("[script:samples] " + line), line);
        }

        /// <summary>The files for server_script '@sonoran/...', whichever starts first, and after a restart of either.</summary>
        [Fact]
        public void ListsReachLuaAndJavaScript()
        {
            int server;
            using (var fx = WithSamples(out server))
            {
                if (fx == null) return;
                fx.Start("samples");
                fx.Start("sonoran");
                fx.UntilTold("server " + server + ": connected.");
                foreach (var restarted in new[] { "", "sonoran", "samples" })
                {
                    if (restarted != "") fx.Restart(restarted);
                    fx.Console.Clear();
                    Hub.Shared.Push(server, "{\"type\":\"EVENT_WAIT\"}");
                    Hub.Shared.Push(server, "{\"type\":\"EVENT_FAIL\"}");
                    Hub.Shared.Push(server, "{\"type\":\"event_911\",\"data\":{\"call\":{}}}");
                    UntilSaid(fx, "lua 911 event_911 " + server + " true");
                    UntilSaid(fx, "js 911 event_911 " + server + " true");
                    UntilSaid(fx, "lua all EVENT_WAIT");
                    UntilSaid(fx, "js all EVENT_WAIT");
                    Assert.Equal(2, fx.Told(line => line.Contains("911 event_911")));
                    Assert.Equal(2, fx.Told(line => line.Contains("on purpose")));
                }
            }
        }

        [Fact]
        public void LuaAndJavaScriptCallTheHub()
        {
            int server;
            using (var fx = WithSamples(out server))
            {
                if (fx == null) return;
                fx.Start("sonoran");
                fx.Start("samples");
                fx.UntilTold("server " + server + ": connected.");
                fx.Trigger("", "test:lua");
                UntilSaid(fx, "lua await [1.5,\"x\"]");
                UntilSaid(fx, "lua call 2 nil");
                fx.Until(() => fx.Told("lua refused nil "), "the refusal");
                Assert.True(fx.Console.Any(line => line.Contains("lua refused nil ") && line.Contains("nosuchmethod")));
                UntilSaid(fx, "lua ready true false");
                UntilSaid(fx, "lua units true");
                fx.Until(() => Hub.Shared.Get("/control/calls").Contains("\"location\":\"Two\",\"communityUserId\":\"lua-2\",\"coordinates\":{\"x\":1.5,\"y\":2}")
                    || Hub.Shared.Get("/control/calls").Contains("\"communityUserId\":\"lua-2\""), "a unit with a vector2");
                fx.Trigger("", "test:js");
                UntilSaid(fx, "js await [1.5,\"x\"]");
                UntilSaid(fx, "js call 2");
                fx.Until(() => fx.Told("js refused "), "the refusal");
                UntilSaid(fx, "js ready true false");
                UntilSaid(fx, "js bytes true");
                fx.Until(() => Listener.Events.Any(e => e.Type == "EVENT_BYTES"), "what JavaScript handed over as bytes");

                // server.js does what server.lua does in the resource itself.
                Hub.Shared.Push(server, "{\"type\":\"EVENT_911\",\"data\":[{\"call\":{\"caller\":\"John\",\"location\":\"here\",\"description\":\"help\"}}]}");
                UntilSaid(fx, "911 from John at here: help");
                fx.UntilTold("[script:sonoran] 911 from John at here: help");
                Hub.Shared.Push(server, "{\"type\":\"EVENT_UNIT_PANIC\",\"data\":{\"isPanic\":true,\"identIds\":[1,2,3]}}");
                UntilSaid(fx, "PANIC of unit 1, 2, 3");
                fx.UntilTold("[script:sonoran] PANIC of unit 1, 2, 3");
            }
        }

        [Fact]
        public void LuaMayPassAnything()
        {
            int server;
            using (var fx = WithSamples(out server))
            {
                if (fx == null) return;
                fx.Start("sonoran");
                fx.Start("samples");
                fx.UntilTold("server " + server + ": connected.");
                fx.Trigger("", "test:nonsense");
                fx.Until(() => fx.Told(line => line.Contains("lua nonsense")) == 6 * 6, "all answers");
                foreach (var line in fx.Console.Where(line => line.Contains("lua nonsense")))
                {
                    var words = line.Substring(line.IndexOf("nonsense", StringComparison.Ordinal)).Split(' ');
                    // Every export answers. A promise may reject, with a sentence.
                    if (words[1] != "call") Assert.True(words[3] == "true", string.Join("\n", fx.Console.ToArray()));
                    else Assert.True(words[3] == "true" || words.Length > 8, line);
                }
                Assert.False(fx.Console.Any(line => line.StartsWith("[script:sonoran]", StringComparison.Ordinal) && line.Contains("ERROR")));
            }
        }
    }
}
