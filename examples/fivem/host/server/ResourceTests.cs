using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using CitizenFX.Core;
using Sonoran.Events;
using Sonoran.Tests;
using Xunit;

namespace FxServerHost
{
    public class ResourceTests
    {
        private const string Ready = "server {0}: connected.";

        /// <summary>A server with the right convars, and its number in the CAD.</summary>
        internal static FxServer Configured(Hub hub, out int server, string options = "")
        {
            Listener.Forget();
            server = Hub.NewServer();
            var fx = new FxServer();
            fx.Convars["sonoran_communityID"] = "demo";
            fx.Convars["sonoran_apiKey"] = Hub.ApiKey;
            fx.Convars["sonoran_serverId"] = server.ToString();
            fx.Convars["sonoran_options"] = "{\"url\":\"" + hub.HubUrl + "\",\"retryMinMs\":50,\"retryMaxMs\":500" + options + "}";
            return fx;
        }

        internal static FxServer Started(Hub hub, out int server, string options = "")
        {
            var fx = Configured(hub, out server, options);
            fx.Start("sonoran");
            fx.UntilTold(string.Format(Ready, server));
            Listener.Forget();
            return fx;
        }

        /// <summary>Waits for this many pushes.</summary>
        internal static List<Listener.Heard> Pushes(FxServer fx, int count)
        {
            fx.Until(() => Listener.Events.Count(e => e.Type.StartsWith("EVENT_", StringComparison.Ordinal) || e.Type == "GET_LOGS") >= count, count + " events");
            return Listener.Events.Where(e => !e.Type.StartsWith("SESSION_", StringComparison.Ordinal)).ToList();
        }

        [Fact]
        public void TheFixturesArriveByteForByte()
        {
            int server;
            using (var fx = Started(Hub.Shared, out server, ",\"eventKey\":\"keep\""))
            {
                var payloads = Hub.Fixtures();
                payloads.Add("{ \"key\":\"k\",\"type\" : \"EVENT_X\",\"n\":[1e400,-0,12345678901234567890,1.10],\"e\":\"\\/\\u0041\\ud800\u00e9\ud83d\ude00\",\"d\":1,\"d\":2 }");
                foreach (var payload in payloads) Hub.Shared.Push(server, payload);
                var heard = Pushes(fx, payloads.Count);
                Assert.Equal(payloads, heard.Select(e => e.Json));
                Assert.Equal(payloads.Select(p => Json.Text(p, "type")), heard.Select(e => e.Type));
                Assert.True(heard.All(e => e.Server == server));
                Assert.Equal(payloads.Where(p => Json.Text(p, "type") == "EVENT_911").Select(p => server + " EVENT_911 " + p), Listener.Named);
                fx.Restart("sonoran");
                fx.Until(() => Listener.Events.Last().Type == "SESSION_READY", "the restart");
            }
        }

        [Fact]
        public void TheKeyGoesToNobody()
        {
            int server;
            using (var fx = Started(Hub.Shared, out server))
            {
                Hub.Shared.Push(server, "{\"key\":\"" + Hub.ApiKey + "\",\"type\":\"EVENT_911\",\"data\":[1.0]}");
                Hub.Shared.Push(server, "{\"type\":\"event_911\",\"key\":\"" + Hub.ApiKey + "\"}");
                var heard = Pushes(fx, 2);
                Assert.Equal(new[] { "{\"type\":\"EVENT_911\",\"data\":[1.0]}", "{\"type\":\"event_911\"}" }, heard.Select(e => e.Json));
                // SonoranCAD compares types in upper case, and listeners may do the same here.
                Assert.Equal(2, Listener.Named.Count);
                Assert.False(fx.Told(Hub.ApiKey));
            }
        }

        [Fact]
        public void ItWaitsForItsConvars()
        {
            int server;
            using (var fx = Configured(Hub.Shared, out server))
            {
                fx.Convars.Remove("sonoran_apiKey");
                fx.Convars.Remove("sonoran_serverId");
                fx.Start("sonoran");
                fx.UntilTold("waiting for sonoran_apiKey, sonoran_serverId: set it in server.cfg, and where add_convar_permission protects sonoran_apiKey add: add_convar_permission sonoran read sonoran_apiKey");
                fx.Convars["sonoran_apiKey"] = "protection_initialized";
                fx.Convars["sonoran_serverId"] = server.ToString();
                fx.UntilTold("it still holds protection_initialized");
                fx.Convars["sonoran_apiKey"] = Hub.ApiKey;
                fx.Convars["sonoran_serverId"] = "one";
                fx.UntilTold("sonoran_serverId is \"one\": it must be the number of a server");
                fx.Convars["sonoran_serverId"] = server.ToString();
                fx.Convars["sonoran_serverIds"] = server + ";";
                fx.UntilTold("sonoran_serverIds is \"" + server + ";\": it must be the numbers of servers");
                fx.Convars.Remove("sonoran_serverIds");
                fx.UntilTold(string.Format(Ready, server));
                Assert.Equal(1, fx.Console.Count(line => line.Contains("waiting for sonoran_apiKey, ")));
                // The server itself puts the resource's name in front.
                Assert.True(fx.Console.All(line => line.StartsWith("[script:sonoran] ", StringComparison.Ordinal) && !line.Contains("[sonoran]")));
            }
        }

        [Fact]
        public void AWrongOptionIsNamed()
        {
            int server;
            using (var fx = Configured(Hub.Shared, out server, ",\"keepAliveMs\":1"))
            {
                fx.Start("sonoran");
                fx.UntilTold("server " + server + ": cannot connect: ");
                Assert.True(fx.Told("keepAliveMs"));
            }
        }

        [Fact]
        public void AMissingOrUnfinishedNativeFileIsNamedAndLoadedOnceItIsThere()
        {
            int server;
            using (var fx = Configured(Hub.Shared, out server))
            {
                var folder = Path.Combine(Path.GetTempPath(), "sonoran-native-" + Guid.NewGuid().ToString("N"));
                Directory.CreateDirectory(folder);
                fx.Convars["sonoran_library"] = folder;
                fx.Start("sonoran");
                fx.UntilTold("is missing: put it at " + folder);
                var file = Path.Combine(folder, "libsonoran.so");
                File.WriteAllText(file, "not a library");
                fx.UntilTold(file + " is not a library but some other kind of file");
                // In pieces, as over a slow line. Loading any of them would kill the process.
                var library = File.ReadAllBytes(Hub.Needed("SONORAN_LIBRARY"));
                using (var growing = new FileStream(file, FileMode.Create, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete))
                {
                    growing.Write(library, 0, library.Length / 2);
                    growing.Flush();
                    fx.UntilTold("libsonoran.so is not complete, a part of its ");
                    fx.Ticks(25);
                    growing.Write(library, library.Length / 2, library.Length - library.Length / 2);
                }
                Assert.Equal(1, fx.Told(line => line.Contains("libsonoran.so is not complete")));
                fx.UntilTold("loaded from " + file);
                fx.UntilTold(string.Format(Ready, server));
            }
        }

        [Fact]
        public void AWrongKeyIsToldInTheHubsWordsAndNeverPrinted()
        {
            int server;
            using (var fx = Configured(Hub.Shared, out server))
            {
                fx.Convars["sonoran_apiKey"] = "a-wrong-key";
                fx.Start("sonoran");
                fx.UntilTold("Invalid API key.");
                fx.Execute("sonoran");
                fx.UntilTold("server " + server + ": retrying");
                Assert.False(fx.Told("a-wrong-key"));
                Assert.DoesNotContain("a-wrong-key", (string)fx.Export("sonoran", "status"));
            }
        }

        [Fact]
        public void SeveralServersHaveASessionEach()
        {
            int one;
            using (var fx = Configured(Hub.Shared, out one))
            {
                var two = Hub.NewServer();
                fx.Convars["sonoran_serverIds"] = one + ", " + two;
                fx.Start("sonoran");
                fx.UntilTold(string.Format(Ready, one));
                fx.UntilTold(string.Format(Ready, two));
                Listener.Forget();
                Hub.Shared.Push(two, "{\"type\":\"EVENT_TWO\"}");
                Hub.Shared.Push(one, "{\"type\":\"EVENT_ONE\"}");
                var heard = Pushes(fx, 2);
                Assert.Equal(one, heard.Single(e => e.Type == "EVENT_ONE").Server);
                Assert.Equal(two, heard.Single(e => e.Type == "EVENT_TWO").Server);
            }
        }

        [Fact]
        public void StatusIsJsonAndAConsoleCommand()
        {
            int server;
            using (var fx = Started(Hub.Shared, out server))
            {
                Hub.Shared.Push(server, "{\"type\":\"EVENT_911\"}");
                Pushes(fx, 1);
                var status = (string)fx.Export("sonoran", "status");
                Assert.StartsWith("[{\"serverId\":" + server + ",\"state\":\"ready\",\"stats\":{", status);
                Assert.Equal("1", Json.Text(Json.Raw(status.Trim('[', ']'), "stats"), "pushes"));
                fx.Execute("sonoran");
                Assert.True(fx.Told("server " + server + ": ready; pushes 1, delivered 2, waiting 0, dropped 0; last error: null"));
            }
        }

        [Fact]
        public void UnitLocationsGoOutAsSonoranCadGivesThem()
        {
            int server;
            using (var fx = Started(Hub.Shared, out server))
            {
                var unit = new Dictionary<string, object>
                {
                    { "communityUserId", "license:" + server }, { "location", "Vinewood \u00e9 \"Blvd\"" }, { "coordinates", new Vector4(1.5f, -2f, 30f, 90f) },
                    { "vehicle", new Dictionary<string, object> { { "model", "police" }, { "lights", true }, { "zOffset", 0.1 } } },
                };
                var map = new Dictionary<string, object>
                {
                    { "7", new Dictionary<string, object> { { "roblox", 70000 + server }, { "location", "Map" }, { "coordinates", new Vector3(1, 2, 3) } } },
                };
                var nobody = new Dictionary<string, object> { { "location", "nobody is here" } };
                var nowhere = new Dictionary<string, object> { { "communityUserId", "license:x" }, { "location", "" } };
                Assert.Equal(true, (bool)fx.Export("sonoran", "sendUnitLocations", new object[] { new object[] { unit, nobody, "text", nowhere } }));
                Assert.Equal(true, (bool)fx.Export("sonoran", "sendUnitLocations", map, server));
                Assert.Equal(true, (bool)fx.Export("sonoran", "sendUnitLocations", "[{\"identId\":" + (90000 + server) + ",\"location\":\"Text\"}]"));
                foreach (var nothing in new object[] { null, new object[0], new object[] { nobody }, "", "text", 5 })
                    Assert.Equal(false, (bool)fx.Export("sonoran", "sendUnitLocations", nothing));
                Assert.Equal(false, (bool)fx.Export("sonoran", "sendUnitLocations", map, 4095));
                foreach (var wanted in new[]
                {
                    "\"location\":\"Vinewood \u00e9 \\\"Blvd\\\"\",\"communityUserId\":\"license:" + server + "\",\"coordinates\":{\"x\":1.5,\"y\":-2,\"z\":30,\"w\":90},\"vehicle\":{\"model\":\"police\",\"lights\":true,\"zOffset\":0.1}",
                    "\"location\":\"Map\",\"roblox\":" + (70000 + server) + ",\"coordinates\":{\"x\":1,\"y\":2,\"z\":3}",
                    "\"identId\":" + (90000 + server) + ",\"location\":\"Text\"",
                }) fx.Until(() => Hub.Shared.Get("/control/calls").Contains(wanted), wanted);
                var calls = Hub.Shared.Get("/control/calls");
                Assert.DoesNotContain("nobody is here", calls);
                Assert.DoesNotContain("license:x", calls);

                fx.Convars["sonoran_apiSendEnabled"] = "false";
                fx.Restart("sonoran");
                fx.UntilTold("without a break since before the restart");
                Assert.Equal(false, (bool)fx.Export("sonoran", "sendUnitLocations", map));
            }
        }

        [Fact]
        public void ACallOfTheHubHasItsResult()
        {
            int server;
            using (var fx = Started(Hub.Shared, out server))
            {
                var id = Convert.ToInt32(fx.Export("sonoran", "invoke", "echo", "[[1.50]]"));
                Assert.True(id > 0);
                fx.Until(() => Listener.Events.Any(e => e.Type == "SESSION_CALL_RESULT"), "a result");
                var result = Listener.Events.Single(e => e.Type == "SESSION_CALL_RESULT").Json;
                Assert.Equal(id.ToString(), Json.Text(result, "id"));
                Assert.Equal("[1.50]", Json.Raw(result, "result"));
                Assert.Equal(0, Convert.ToInt32(fx.Export("sonoran", "invoke", "echo", "{")));
                Assert.True(fx.Told("echo was not called: "));
            }
        }

        [Fact]
        public void PlayersCannotStopIt()
        {
            int server;
            using (var fx = Started(Hub.Shared, out server))
            {
                fx.Trigger("net:7", "onResourceStop", "sonoran");
                fx.Trigger("net:7", "sonoran:cad:ready");
                Hub.Shared.Push(server, "{\"type\":\"EVENT_911\"}");
                Pushes(fx, 1);
                Assert.False(fx.Told("stopped;"));
                fx.Trigger("", "onResourceStop", "another");
                Assert.False(fx.Told("stopped;"));
            }
        }

        [Fact]
        public void TwoResourcesDoNotFightOverAServer()
        {
            int server;
            using (var fx = Started(Hub.Shared, out server))
            {
                fx.AddFolder("second", FxServer.Folder("sonoran"));
                fx.Start("second");
                fx.UntilTold("server " + server + ": another resource of this process connected for the same server");
                fx.Ticks(30);
                Listener.Forget();
                Hub.Shared.Push(server, "{\"type\":\"EVENT_911\"}");
                Pushes(fx, 1);
                fx.Ticks(3);
                Assert.Equal(1, Listener.Events.Count);
                Assert.Equal(1, fx.Console.Count(line => line.Contains("another resource of this process")));
            }
        }

        [Fact]
        public void AfterAStallItComesBack()
        {
            int server;
            using (var fx = Started(Hub.Shared, out server, ",\"idleCloseMs\":1000"))
            {
                // No ticks, as in a server that hangs, until the hub has lost the session.
                var clock = System.Diagnostics.Stopwatch.StartNew();
                while (Hub.Shared.Get("/control/sessions").Contains("\"serverId\":\"" + server + "\"") && clock.ElapsedMilliseconds < 60000) System.Threading.Thread.Sleep(20);
                fx.Until(() => fx.Console.Count(line => line.Contains(string.Format(Ready, server))) == 2, "a second connection");
                Hub.Shared.Push(server, "{\"type\":\"EVENT_911\"}");
                Pushes(fx, 1);
            }
        }
    }
}
