using System;
using System.Diagnostics;
using System.Net.Http;
using System.Text.Json;

namespace Example
{
    /// <summary>A local hub for the tests. It ends with their process, however that ends.</summary>
    public sealed class Hub : IDisposable
    {
        private readonly Process _process;
        private readonly HttpClient _http;

        /// <summary>Where a plugin connects to.</summary>
        public readonly string Url;

        public Hub()
        {
            var program = Environment.GetEnvironmentVariable("SONORAN_HUB") ?? throw new Exception("SONORAN_HUB is not set: it names the program sonoran-hub");
            _process = Process.Start(new ProcessStartInfo(program, "--json --stop-on-eof")
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            });
            using (var line = JsonDocument.Parse(_process.StandardOutput.ReadLine() ?? throw new Exception(program + " printed nothing")))
            {
                Url = line.RootElement.GetProperty("url").GetString();
                _http = new HttpClient { BaseAddress = new Uri(line.RootElement.GetProperty("http").GetString()), Timeout = TimeSpan.FromSeconds(30) };
            }
        }

        public string Post(string what, string body = "")
        {
            var answer = _http.PostAsync("/control/" + what, new StringContent(body)).Result;
            var text = answer.Content.ReadAsStringAsync().Result;
            return answer.IsSuccessStatusCode ? text : throw new Exception(what + ": " + text);
        }

        public string Get(string what)
        {
            return _http.GetStringAsync("/control/" + what).Result;
        }

        public void Dispose()
        {
            _process.StandardInput.Close();
            _process.WaitForExit(10000);
        }
    }
}
