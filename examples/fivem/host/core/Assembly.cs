[assembly: System.Runtime.CompilerServices.InternalsVisibleTo("FxServerHost")]
