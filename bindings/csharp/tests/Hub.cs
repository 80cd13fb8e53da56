using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Net.Http;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Sonoran.Events;

namespace Sonoran.Tests
{
    /// <summary>A hub process, driven by its remote control. It ends with this process.</summary>
    public sealed class Hub : IDisposable
    {
        public const string ApiKey = "demo-key";
        private static readonly Lazy<Hub> TheShared = new Lazy<Hub>(() => new Hub());
        private static int _servers;

        private readonly Process _process;
        private readonly HttpClient _http = new HttpClient { Timeout = TimeSpan.FromMinutes(3) };
        private readonly string _url;

        /// <summary>One hub for all tests; each uses its own server.</summary>
        public static Hub Shared
        {
            get { return TheShared.Value; }
        }

        /// <param name="fallback">Where pushes go by HTTP when they have no session.</param>
        public Hub(string fallback = null)
        {
            var program = Needed("SONORAN_HUB");
            // A script starts the ASP.NET hub, whose arguments are spelled differently.
            var arguments = program.EndsWith(".sh", StringComparison.Ordinal)
                ? "--urls http://127.0.0.1:0 --stopOnEof true" : "--listen 127.0.0.1:0 --stop-on-eof";
            if (fallback != null) arguments += " --fallback " + fallback;
            _process = Process.Start(new ProcessStartInfo(program, arguments)
            {
                UseShellExecute = false,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            });
            const string listening = "listening ";
            string line;
            while ((line = _process.StandardOutput.ReadLine()) != null && !line.StartsWith(listening, StringComparison.Ordinal)) { }
            if (line == null) throw new Exception(program + " ended before it listened");
            _url = line.Substring(listening.Length).Trim().TrimEnd('/');
        }

        internal static string Needed(string variable)
        {
            var value = Environment.GetEnvironmentVariable(variable);
            if (string.IsNullOrEmpty(value)) throw new Exception(variable + " is not set: run these tests through test.sh");
            return value;
        }

        public static int NewServer()
        {
            return Interlocked.Increment(ref _servers);
        }

        public SonoranOptions Options(int server)
        {
            return new SonoranOptions
            {
                { "communityId", "demo" }, { "apiKey", ApiKey }, { "serverId", server }, { "url", HubUrl },
                { "retryMinMs", 50 }, { "retryMaxMs", 500 },
            };
        }

        /// <summary>A ready session on its own server.</summary>
        public SonoranSession Ready(out int server)
        {
            server = NewServer();
            var session = Native.Library.Connect(Options(server));
            session.Until("SESSION_READY");
            return session;
        }

        public async Task<string> PostAsync(string path, string body = "")
        {
            using (var content = new StringContent(body, new UTF8Encoding(false), "application/json"))
            using (var response = await _http.PostAsync(_url + path, content).ConfigureAwait(false))
            {
                var text = await response.Content.ReadAsStringAsync().ConfigureAwait(false);
                if (!response.IsSuccessStatusCode) throw new Exception(path + " answered " + (int)response.StatusCode + ": " + text);
                return text;
            }
        }

        public string Post(string path, string body = "")
        {
            return PostAsync(path, body).GetAwaiter().GetResult();
        }

        public string Get(string path)
        {
            return _http.GetStringAsync(_url + path).GetAwaiter().GetResult();
        }

        public string HubUrl
        {
            get { return _url + "/apiWsHub"; }
        }

        public void Push(int server, string payload)
        {
            Xunit.Assert.Contains("websocket", Post("/control/push?shape=verbatim&serverId=" + server, payload));
        }

        /// <summary>The payloads of the documented events, exactly as in their files.</summary>
        public static List<string> Fixtures()
        {
            var payloads = new List<string>();
            foreach (var file in Needed("SONORAN_FIXTURES").Split(Path.PathSeparator))
                payloads.AddRange(File.ReadAllLines(file).Where(line => line.Trim() != "").Select(line => Json.Raw(line, "payload") ?? line));
            if (payloads.Count < 29) throw new Exception("too few fixtures: " + payloads.Count);
            return payloads;
        }

        /// <summary>The elements of a JSON array as text.</summary>
        public static IEnumerable<string> Elements(string array)
        {
            int depth = 0, start = 1;
            for (var i = 0; i < array.Length; i++)
            {
                var c = array[i];
                if (c == '"') while (array[++i] != '"') i += array[i] == '\\' ? 1 : 0;
                else if (c == '[' || c == '{') depth++;
                else if (c == ']' || c == '}') depth--;
                if ((depth == 1 && c == ',') || depth == 0)
                {
                    if (i > start) yield return array.Substring(start, i - start);
                    start = i + 1;
                }
            }
        }

        public void Dispose()
        {
            _process.StandardInput.Close();
            if (!_process.WaitForExit(30000)) _process.Kill();
            _process.Dispose();
            _http.Dispose();
        }
    }

    internal static class Native
    {
        internal const int Patience = 60000;

        /// <summary>The library under test.</summary>
        internal static SonoranLibrary Library
        {
            get { return SonoranLibrary.Load(Hub.Needed("SONORAN_LIBRARY")); }
        }

        /// <summary>The next event, which must come.</summary>
        internal static SonoranEvent Next(this SonoranSession session)
        {
            var next = session.Wait(Patience);
            if (next == null) throw new Exception("no event came: " + session.StatsJson());
            return next;
        }

        /// <summary>The next event of that type.</summary>
        internal static SonoranEvent Until(this SonoranSession session, string type)
        {
            while (true)
            {
                var next = session.Next();
                if (next.Type == type) return next;
                if (next.Type == "SESSION_CLOSED") throw new Exception("closed while waiting for " + type + ": " + next.Json);
            }
        }

        internal static async Task<T> Soon<T>(this Task<T> task)
        {
            if (await Task.WhenAny(task, Task.Delay(Patience)).ConfigureAwait(false) != task) throw new TimeoutException("nothing came");
            return await task.ConfigureAwait(false);
        }
    }
}
